package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// anything is a file system in which every file is, empty where nobody wrote it.
type anything struct{ name, text string }

func (a anything) Open(name string) (fs.File, error) {
	text := ""
	if name == a.name {
		text = a.text
	}
	return fstest.MapFS{name: {Data: []byte(text)}}.Open(name)
}

var (
	fenced   = regexp.MustCompile("(?ms)^```hcl\n(.*?)^```")
	archived = regexp.MustCompile(`(?ms)^-- \S+\.hcl --\n(.*?)(?:^-- |\z)`)
	variable = regexp.MustCompile(`\$[A-Z][A-Z0-9_]*`)
)

// examples returns every configuration that a document, a script, a test or the
// program itself has, with addresses for the variables of scripts.
func examples(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for pattern, in := range map[string]*regexp.Regexp{
		"../../docs/*/*.md": fenced, "../../README.md": fenced, "../../test/script/testdata/*.txtar": archived,
		"../../packaging/*.hcl": nil, "../../cmd/fishplate/*.hcl": nil, "../../cmd/fishplate/starter/all/*.hcl": nil,
		"testdata/*.hcl": nil, "testdata/bad/*.hcl": nil,
	} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if in == nil {
				found[path] = string(src)
				continue
			}
			for i, m := range in.FindAllStringSubmatch(string(src), -1) {
				found[path+" "+strconv.Itoa(i)] = m[1]
			}
		}
	}
	for name, text := range found {
		ports := map[string]string{}
		found[name] = variable.ReplaceAllStringFunc(text, func(v string) string {
			if v == "$WORK" {
				return "/work"
			}
			if ports[v] == "" {
				ports[v] = "127.0.0.1:" + strconv.Itoa(9000+len(ports))
			}
			return ports[v]
		})
	}
	return found
}

// TestExportOfEveryExample: what export writes of any configuration that somebody
// may have copied means the same, and is its own export.
func TestExportOfEveryExample(t *testing.T) {
	loaded := 0
	for name, text := range examples(t) {
		o := Options{Path: "site.hcl", FS: anything{"site.hcl", text}, Flat: true, Now: testOptions("small.hcl").Now}
		cfg, _ := Load(o)
		if cfg == nil {
			continue // a part of one, or one that is to be refused
		}
		loaded++
		o.FS = anything{"site.hcl", string(cfg.Flat)}
		again, diags := Load(o)
		if again == nil {
			t.Errorf("%s: %v\n%s", name, diags, cfg.Flat)
			continue
		}
		for _, c := range Diff(cfg, again) {
			t.Errorf("%s: %+v\n%s", name, c, strings.TrimSpace(string(cfg.Flat)))
		}
		if d := cmp.Diff(string(cfg.Flat), string(again.Flat)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	t.Logf("%d configurations", loaded)
	if loaded < 80 {
		t.Errorf("only %d configurations were found", loaded)
	}
}
