package docs

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fishplate/test/harness"
)

// documents returns the text of every Markdown file that belongs to the
// project, by its path from the module's root.
func documents(t *testing.T) (root string, texts map[string]string) {
	t.Helper()
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	texts = map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "sdk/*.md", "test/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			texts[name] = string(text)
		}
	}
	if len(texts) < 15 {
		t.Fatalf("only %d documents found", len(texts))
	}
	return root, texts
}

var hclBlock = regexp.MustCompile("(?s)```hcl\n(.*?)```")

// TestConfigurationsPass checks every block of configuration. A block may be a
// part of a file: backends that it names and does not have are added, and what
// only a whole file has is not missed. Files that it names may be missing.
func TestConfigurationsPass(t *testing.T) {
	binary, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	_, texts := documents(t)
	blocks := 0
	for name, text := range texts {
		for i, m := range hclBlock.FindAllStringSubmatch(text, -1) {
			blocks++
			t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
				for _, f := range check(t, binary, m[1]) {
					t.Errorf("line %d of the block: %s\n%s", f.Line, f.Summary, m[1])
				}
			})
		}
	}
	if blocks < 8 {
		t.Errorf("only %d blocks of configuration found", blocks)
	}
}

type finding struct {
	Line    int
	Summary string
}

var (
	absentBackend = regexp.MustCompile(`names the backend "(.*)", which does not exist`)
	ofWholeFiles  = regexp.MustCompile(`^there is no (listener|vhost)|is not used$|no such file or directory`)
)

// check returns the errors and warnings that a reader of the block would not
// expect.
func check(t *testing.T, binary, text string) []finding {
	t.Helper()
	path := filepath.Join(t.TempDir(), "block.hcl")
	for range 10 {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(binary, "check", "--no-programs", "--json", path).Output()
		var status *exec.ExitError
		if err != nil && !errors.As(err, &status) {
			t.Fatal(err)
		}
		var found struct{ Errors, Warnings []finding }
		if err := json.Unmarshal(out, &found); err != nil {
			t.Fatalf("read what check prints: %v: %s", err, out)
		}
		list := slices.Concat(found.Errors, found.Warnings)
		absent := ""
		for _, f := range list {
			if m := absentBackend.FindStringSubmatch(f.Summary); m != nil {
				absent = m[1]
			}
		}
		if absent == "" {
			return slices.DeleteFunc(list, func(f finding) bool { return ofWholeFiles.MatchString(f.Summary) })
		}
		text += fmt.Sprintf("\nbackend %q { servers = [\"127.0.0.1:1\"] }\n", absent)
	}
	t.Fatal("the block names ever more backends")
	return nil
}

var (
	code    = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	noWord  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinksResolve follows every link of every document to a file and, with
// "#", to a heading in it. Links that leave the project are not followed.
func TestLinksResolve(t *testing.T) {
	root, texts := documents(t)
	links := 0
	for name, text := range texts {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			path, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: link %s leads nowhere", name, m[1])
			} else if anchor != "" && !slices.Contains(anchors(texts[target]), anchor) {
				t.Errorf("%s: link %s: %s has no such heading", name, m[1], target)
			}
		}
	}
	if links < 10 {
		t.Errorf("only %d links found", links)
	}
}

// anchors returns the names that headings get when a document is shown.
func anchors(text string) (list []string) {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		list = append(list, strings.ReplaceAll(noWord.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return list
}

// TestDependenciesAreListed compares docs/DEPENDENCIES.md with the direct
// requirements of go.mod.
func TestDependenciesAreListed(t *testing.T) {
	root, texts := documents(t)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var direct, listed []string
	for line := range strings.Lines(string(mod)) {
		if f := strings.Fields(line); len(f) == 2 && strings.HasPrefix(f[1], "v") && strings.Contains(f[0], ".") {
			direct = append(direct, f[0])
		}
	}
	for line := range strings.Lines(texts["docs/DEPENDENCIES.md"]) {
		if cells := strings.Split(line, "|"); len(cells) > 3 && strings.Contains(cells[1], "/") {
			listed = append(listed, strings.TrimSpace(cells[1]))
		}
	}
	for _, m := range direct {
		if !slices.Contains(listed, m) {
			t.Errorf("docs/DEPENDENCIES.md does not list %s", m)
		}
	}
	for _, m := range listed {
		if !slices.Contains(direct, m) {
			t.Errorf("docs/DEPENDENCIES.md lists %s, which go.mod does not require directly", m)
		}
	}
}

// TestMakeTargetsExist finds every `make X` of the documents in the Makefile.
func TestMakeTargetsExist(t *testing.T) {
	root, texts := documents(t)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		for _, m := range regexp.MustCompile("(?m)(?:`|^    )make ([a-z-]+)").FindAllStringSubmatch(text, -1) {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s: the Makefile has no target %s", name, m[1])
			}
		}
	}
}

// TestThreatsAreTested finds every test that docs/THREATMODEL.md names in the
// code, and at least one in every row.
func TestThreatsAreTested(t *testing.T) {
	root, texts := documents(t)
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			tests[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	rows := 0
	for line := range strings.Lines(texts["docs/THREATMODEL.md"]) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || strings.Contains(line, "| attack |") {
			continue
		}
		rows++
		names := named.FindAllStringSubmatch(cells[3], -1)
		if len(names) == 0 {
			t.Errorf("no test in the row %s", line)
		}
		for _, m := range names {
			if !tests[m[1]] {
				t.Errorf("there is no test %s: %s", m[1], cells[0])
			}
		}
	}
	if rows < 15 {
		t.Errorf("only %d threats found", rows)
	}
}

// TestWingsAreThoseOfTheLaw compares the table of wings in
// docs/ARCHITECTURE.md with the one that internal/arch enforces.
func TestWingsAreThoseOfTheLaw(t *testing.T) {
	root, texts := documents(t)
	law, err := os.ReadFile(filepath.Join(root, "internal/arch/arch_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(law), "var wings = map[string][]string{")
	list, _, _ = strings.Cut(list, "\n}")
	word := regexp.MustCompile(`"([^"]+)"`)
	wings := 0
	for line := range strings.Lines(list) {
		words := word.FindAllStringSubmatch(line, -1)
		if len(words) < 2 {
			continue
		}
		wings++
		row := ""
		for l := range strings.Lines(texts["docs/ARCHITECTURE.md"]) {
			if strings.HasPrefix(l, "| `"+words[0][1]+"` | "+words[1][1]) {
				row = l
			}
		}
		for _, w := range words[1:] {
			if !regexp.MustCompile(`\b` + w[1] + `\b`).MatchString(row) {
				t.Errorf("docs/ARCHITECTURE.md: wing %s lacks %s", words[0][1], w[1])
			}
		}
	}
	if wings == 0 {
		t.Error("no wing found in internal/arch/arch_test.go")
	}
}

// TestRoomsExist finds a folder for every room of docs/ARCHITECTURE.md, and
// a row for every folder.
func TestRoomsExist(t *testing.T) {
	root, texts := documents(t)
	_, table, _ := strings.Cut(texts["docs/ARCHITECTURE.md"], "## Rooms")
	table, _, _ = strings.Cut(table, "\n## ")
	var rooms []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9/]+?)/?(?:\\{([a-z,]+)\\})?` ").FindAllStringSubmatch(table, -1) {
		if m[2] == "" {
			rooms = append(rooms, m[1])
		}
		for _, inner := range strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' }) {
			rooms = append(rooms, m[1]+"/"+inner)
		}
	}
	for _, room := range rooms {
		if _, err := os.Stat(filepath.Join(root, room)); err != nil {
			t.Errorf("docs/ARCHITECTURE.md: there is no room %s", room)
		}
	}
	folders, err := filepath.Glob(filepath.Join(root, "internal/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if room := "internal/" + filepath.Base(f); room != "internal/arch" && !slices.Contains(rooms, room) {
			t.Errorf("docs/ARCHITECTURE.md: no row for %s", room)
		}
	}
}
