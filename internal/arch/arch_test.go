package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// floors is the picture of docs/ARCHITECTURE.md: a room imports only rooms of
// lower floors, never of its own.
var floors = []struct {
	name  string
	rooms []string
}{
	{"bedrock", []string{"internal/metrics", "internal/invariant", "internal/crash", "internal/records", "internal/file", "internal/letters"}},
	{"ground", []string{"internal/model", "internal/message", "internal/netio"}},
	{"matter", []string{"internal/http1", "internal/http2", "internal/predicate", "riscv"}},
	{"organs", []string{
		"internal/router", "internal/filter", "internal/tenant", "internal/cache", "internal/peering",
		"internal/upstream", "internal/cert", "internal/config", "internal/cluster", "internal/program",
	}},
	{"spine", []string{"internal/proxy"}},
	{"mind", []string{"internal/control"}},
	{"doors", []string{"internal/admin", "internal/dashboard", "internal/desk", "internal/doctor", "internal/bench"}},
	{"wiring", []string{"cmd/fishplate"}},
}

// wings are rooms that outgrew one folder. Their inner rooms form a small stack
// of their own: each imports only earlier ones of its list. The wing's face
// comes last, or where the empty name stands: rooms behind it are built on the
// face, and open to everybody.
var wings = map[string][]string{
	"riscv":             {"isa", "float", "elf", "symbols", "memory", "vector", "interp", "x64", "a64", "jit", "", "layout", "files", "tape", "linux", "debug"},
	"internal/upstream": {"balance", "persist", "health", "discover", "queue", "secure", "idle", "cause", "retry", "learned", "scarce"},
	"cmd/fishplate":     {"reading", "machine", "wanted", "checkup", "show", "report", "starter", "handover", "notify", "claim", "binder", "measure", "given", "pulse", "opening", "process"},
	"internal/admin":    {"bounds", "grant", "vitals"},
	"internal/config":   {"render", "schema", "syntax", "files", "finding", "diff", "advice", "whole", "revise"},
	"internal/tenant":   {"kv", "heap", "permit", "lines", "backtrack", "text", "tree", "sign", "thread", "ask", "reel", "", "shelf"},
	"internal/control":  {"journal", "until"},
	"internal/netio":    {"share", "names", "pipes", "queue", "spin", "spread", "tally", "turns"},
	"internal/doctor":   {"fact", "see", "parse", "gauge", "trial", "place", "virt", "cpu", "tcp", "nic", "fw", "sys", "cfg", "measure", "report", "apply"},
	"internal/bench":    {"stats", "count", "load", "serve", "outcome", "diagnose", "", "report"},
	"internal/cache":    {"rules", "partial", "esi", "encode", "evict", "slab", "store", "bans", "segment", "index", "disk"},
}

// outside are folders of Go code that no floor holds: who may import them, and
// what they may import, is said here.
var outside = map[string]string{
	"internal/arch": "law",      // imported by nobody
	"test":          "tests",    // may import anything, imported by nobody but cmd/fishplate's demo programs
	"sdk":           "material", // what tenants include; imports nothing of ours
}

// forbidden are imports that no room may have, with the reason.
var forbidden = []struct{ path, except, reason string }{
	{"C", "", "the product is one static binary without cgo"},
	{"net/http/httputil", "", "the data path is ours; measured 0.40 of nginx"},
	{"github.com/stretchr/testify", "", "std testing and go-cmp are the house's way"},
	{"log", "", "operational logs go through log/slog"},
	{"io/ioutil", "", "deprecated"},
	{"reflect", "_test.go", "types, not reflection"},
}

const (
	roomLines = 3000 // of non-test code in one folder
	roomFiles = 20
	fileLines = 600
)

// larger names the places that may exceed a bound, and why.
var larger = map[string]string{
	"riscv/jit":           "two translators, of which a build has one; they share an emitter that packages of their own would have to export",
	"riscv/interp/run.go": "one switch: what an instruction needs must stay in the local variables of one function",
	"internal/cache":      "a visit is led through look-up, fetch, parts, variants and pages, a file each; inner rooms would have to export it",
	"internal/tenant":     "a file for each group of calls; they share one machine, which an inner room would have to export",
	"internal/proxy":      "a file for each of the twelve steps; they share one exchange, which an inner room would have to export",
}

func TestImportLaw(t *testing.T) {
	for _, f := range sources(t) {
		room, inner := roomOf(f.dir)
		if room == "" {
			if _, ok := outsideOf(f.dir); !ok {
				t.Errorf("%s: folder %s stands on no floor of docs/ARCHITECTURE.md", f.path, f.dir)
			}
			if !strings.HasPrefix(f.dir, "sdk") {
				continue
			}
		}
		for _, imp := range f.imports {
			if problem := judge(room, inner, f, imp); problem != "" {
				t.Errorf("%s: %s", f.path, problem)
			}
		}
	}
}

// judge says what is wrong with one import, or "".
func judge(room, inner string, f source, imp string) string {
	for _, rule := range forbidden {
		if imp == rule.path && (rule.except == "" || !strings.HasSuffix(f.path, rule.except)) {
			return "imports " + imp + ": " + rule.reason
		}
	}
	target, ours := strings.CutPrefix(imp, "fishplate/")
	if !ours {
		return ""
	}
	toRoom, toInner := roomOf(target)
	if toRoom == "" {
		if strings.HasPrefix(target, "sdk") && room == "cmd/fishplate" {
			return ""
		}
		if strings.HasSuffix(f.path, "_test.go") {
			return ""
		}
		return "imports " + target + ", which stands outside the floors"
	}
	if toRoom == room {
		// A test from outside its package sees the wing as a stranger does.
		if f.external && innerIndex(room, toInner) >= innerIndex(room, "") {
			return ""
		}
		if innerIndex(room, toInner) < innerIndex(room, inner) {
			return ""
		}
		return "imports " + target + ": inner rooms of a wing import only earlier ones (" + strings.Join(wings[room], ", ") + ")"
	}
	if room == "riscv" || strings.HasPrefix(f.dir, "sdk") {
		return "imports " + target + ": " + f.dir + " imports nothing of ours"
	}
	if toInner != "" && innerIndex(toRoom, toInner) < innerIndex(toRoom, "") {
		return "imports " + target + ": a wing is entered by its face"
	}
	if floorOf(toRoom) >= floorOf(room) {
		if strings.HasSuffix(f.path, "_test.go") && floorOf(toRoom) == floorOf(room) {
			return "a test of " + room + " imports the organ " + toRoom + "; use a fake"
		}
		return "imports " + target + ", which is not on a lower floor"
	}
	return ""
}

func TestRoomSizes(t *testing.T) {
	lines, files := map[string]int{}, map[string]int{}
	for _, f := range sources(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		lines[f.dir] += f.lines
		files[f.dir]++
		if f.lines > fileLines && larger[f.path] == "" {
			t.Errorf("%s has %d lines; the cap is %d", f.path, f.lines, fileLines)
		}
	}
	for _, dir := range sorted(lines) {
		if strings.HasPrefix(dir, "test") {
			continue
		}
		if lines[dir] > roomLines && larger[dir] == "" {
			t.Errorf("room %s has %d lines; the cap is %d: make it a wing", dir, lines[dir], roomLines)
		}
		if files[dir] > roomFiles && larger[dir] == "" {
			t.Errorf("room %s has %d files; the cap is %d: make it a wing", dir, files[dir], roomFiles)
		}
	}
}

// TestEveryRoomSaysItsJob requires a package comment in doc.go of each room.
func TestEveryRoomSaysItsJob(t *testing.T) {
	dirs := map[string]bool{}
	for _, f := range sources(t) {
		if room, _ := roomOf(f.dir); room != "" && room != "cmd/fishplate" {
			dirs[f.dir] = true
		}
	}
	for _, dir := range sorted(dirs) {
		text, err := os.ReadFile(filepath.Join(root, dir, "doc.go"))
		if err != nil {
			t.Errorf("%s has no doc.go", dir)
			continue
		}
		if n := strings.Count(string(text), "\n//") + 1; n < 4 {
			t.Errorf("%s/doc.go: the package comment has %d lines; say the job, what it is not, and who owns memory and goroutines", dir, n)
		}
	}
}

// TestNoInit refuses init functions, and words that say unfinished.
func TestNoInit(t *testing.T) {
	for _, f := range sources(t) {
		for i, line := range strings.Split(f.text, "\n") {
			if strings.HasPrefix(line, "func init()") {
				t.Errorf("%s:%d: init function; construct it where it is used", f.path, i+1)
			}
			for _, word := range []string{"TO" + "DO", "FIX" + "ME", "XX" + "X:"} {
				if strings.Contains(line, word) {
					t.Errorf("%s:%d: says %s", f.path, i+1, word)
				}
			}
		}
	}
}

const root = "../.."

type source struct {
	path, dir, text string
	lines           int
	imports         []string
	external        bool // a test whose package is not that of its folder
}

// sources reads every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	var list []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || name != ".." && strings.HasPrefix(name, ".")) && path != root {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{external: strings.HasSuffix(file.Name.Name, "_test"), path: rel, dir: filepath.Dir(rel), text: string(text), lines: strings.Count(string(text), "\n")}
		for _, spec := range file.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imp)
		}
		list = append(list, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no Go files found")
	}
	return list
}

// roomOf returns the room that holds dir, and the inner room when it is a wing.
func roomOf(dir string) (room, inner string) {
	for _, floor := range floors {
		for _, r := range floor.rooms {
			if dir == r {
				return r, ""
			}
			if rest, ok := strings.CutPrefix(dir, r+"/"); ok && len(wings[r]) > 0 {
				return r, rest
			}
		}
	}
	return "", ""
}

func outsideOf(dir string) (string, bool) {
	for prefix, kind := range outside {
		if dir == prefix || strings.HasPrefix(dir, prefix+"/") {
			return kind, true
		}
	}
	return "", false
}

func floorOf(room string) int {
	for i, floor := range floors {
		for _, r := range floor.rooms {
			if r == room {
				return i
			}
		}
	}
	return -1
}

// innerIndex is an inner room's place in its wing; the face ("") comes last.
func innerIndex(room, inner string) int {
	for i, name := range wings[room] {
		if inner == name || name != "" && strings.HasPrefix(inner, name+"/") {
			return i
		}
	}
	if inner == "" {
		return len(wings[room])
	}
	return len(wings[room]) + 1
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
