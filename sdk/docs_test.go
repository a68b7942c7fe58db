package sdk

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNamesAreDescribed: what programs may use has a comment. Numbers of calls
// are described in docs/reference/abi.md, and fields and variants by their names.
func TestNamesAreDescribed(t *testing.T) {
	t.Run("rust", func(t *testing.T) {
		public := regexp.MustCompile(`^\s*pub (?:unsafe |const )*(?:fn|struct|enum|type|trait|static) \w+`)
		for _, path := range []string{"lib.rs", "ask.rs", "code.rs", "data.rs", "message.rs", "raw.rs"} {
			text, err := os.ReadFile(filepath.Join("rust", "src", path))
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(text), "\n")
			for i, line := range lines {
				above := i - 1
				for above >= 0 && strings.HasPrefix(strings.TrimSpace(lines[above]), "#[") {
					above--
				}
				hidden := i > 0 && strings.Contains(strings.Join(lines[above+1:i], ""), "doc(hidden)")
				if public.MatchString(line) && !hidden && !strings.HasPrefix(strings.TrimSpace(lines[above]), "///") {
					t.Errorf("%s:%d: no comment: %s", path, i+1, strings.TrimSpace(line))
				}
			}
		}
	})
	t.Run("go", func(t *testing.T) {
		files := token.NewFileSet()
		list, err := fs.Glob(os.DirFS("go"), "*.go")
		if err != nil {
			t.Fatal(err)
		}
		var parsed []*ast.File
		for _, name := range list {
			f, err := parser.ParseFile(files, filepath.Join("go", name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, f)
		}
		p, err := doc.NewFromFiles(files, parsed, "fishplate.dev/sdk/go")
		if err != nil {
			t.Fatal(err)
		}
		missing := func(name, text string) {
			if strings.TrimSpace(text) == "" {
				t.Errorf("no comment: %s", name)
			}
		}
		missing("package", p.Doc)
		for _, f := range p.Funcs {
			missing(f.Name, f.Doc)
		}
		for _, k := range p.Types {
			missing(k.Name, k.Doc)
			for _, f := range append(k.Funcs, k.Methods...) {
				missing(k.Name+"."+f.Name, f.Doc)
			}
		}
	})
}
