package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fishplate/test/harness"
)

var (
	sourceBlock  = regexp.MustCompile("(?s)```c\n// (\\S+)\n(.*?)```")
	consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")
)

// TestGuestGuideIsTrue does what docs/guide/guest.md says, in its order, and
// compares what is printed with what is shown. A line of only "…", or "…" within
// a line, stands for anything.
func TestGuestGuideIsTrue(t *testing.T) {
	binary, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	_, texts := documents(t)
	text := texts["docs/guide/guest.md"]
	dir := t.TempDir()
	if err := os.Symlink(binary, filepath.Join(dir, "fishplate")); err != nil {
		t.Fatal(err)
	}
	for _, m := range sourceBlock.FindAllStringSubmatch(text, -1) {
		// The comment stays, so that the lines have the numbers that a reader sees.
		if err := os.WriteFile(filepath.Join(dir, m[1]), []byte("// "+m[1]+"\n"+m[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commands := 0
	for _, m := range consoleBlock.FindAllStringSubmatch(text, -1) {
		for _, step := range strings.Split("\n"+m[1], "\n$ ")[1:] {
			commands++
			command, shown, _ := strings.Cut(step, "\n")
			cmd := exec.Command("sh", "-c", command)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("$ %s\n%v", command, err)
			}
			if !looksLike(string(out), shown) {
				t.Errorf("$ %s\nprints:\n%s\nshown:\n%s", command, out, shown)
			}
		}
	}
	if commands < 8 {
		t.Errorf("only %d commands found", commands)
	}
}

// looksLike says whether a text is as shown.
func looksLike(text, shown string) bool {
	pattern := regexp.QuoteMeta(strings.TrimRight(shown, "\n"))
	// At the beginning of a line "…" may also stand for whole lines, or none.
	pattern = regexp.MustCompile(`(?m)^…`).ReplaceAllString(pattern, `(?s:.*?)`)
	pattern = strings.ReplaceAll(pattern, "…", `[^\n]*`)
	return regexp.MustCompile(`\A` + pattern + `\z`).MatchString(strings.TrimRight(text, "\n"))
}
