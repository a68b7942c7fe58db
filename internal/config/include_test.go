package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestIncludeByLinks: a file that includes itself by other names is refused with the
// line, and files without end are not read.
func TestIncludeByLinks(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		if err := os.Symlink(".", filepath.Join(dir, fmt.Sprint("s", i))); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ name, text, want string }{
		{"itself", `include = ["s0/a.hcl", "s1/a.hcl"]`, "/a.hcl:2:11: error: include: /s0/a.hcl is the same file as /a.hcl, by a link, and would include itself without end"},
		{"patterns", `include = ["` + strings.Repeat("*/", 30) + `x.hcl"]`, "/a.hcl:2:11: error: include: the patterns of includes look at more than 500000 names"},
		{"by its own name", `include = ["*.hcl", "a.hcl"]`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "\n" + tt.text + "\nlistener \"w\" {\n  bind = [\":8080\"]\n}\n"
			if err := os.WriteFile(filepath.Join(dir, "a.hcl"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, diags := Load(Options{FS: os.DirFS(dir), Path: "/a.hcl", Memory: new(Memory)})
			if got := diags.Errors(); tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) == 0 || got[0].Error() != tt.want) {
				t.Errorf("%v, want %q", got, tt.want)
			}
		})
	}
}

// TestIncludesAreBounded: few files that include each other by many names are not read
// without end.
func TestIncludesAreBounded(t *testing.T) {
	deep, wide := fstest.MapFS{}, fstest.MapFS{"0.hcl": {}}
	for i := range 40 {
		deep[fmt.Sprint(i, ".hcl")] = &fstest.MapFile{Data: fmt.Appendf(nil, "include = [\"%d.hcl\"]\n", i+1)}
	}
	var names []string
	for i := range 10_001 {
		names = append(names, fmt.Sprintf("%q", fmt.Sprint("x/", i, ".hcl")))
		wide[fmt.Sprint("x/", i, ".hcl")] = &fstest.MapFile{}
	}
	wide["0.hcl"] = &fstest.MapFile{Data: []byte("include = [" + strings.Join(names, ", ") + "]\n")}
	for want, files := range map[string]fstest.MapFS{
		"/31.hcl:1:11: error: include: files include files more than 32 deep": deep,
		"/0.hcl:1:11: error: include: more than 10000 files are included":     wide,
	} {
		if _, diags := Load(Options{FS: files, Path: "/0.hcl"}); len(diags.Errors()) != 1 || diags.Errors()[0].Error() != want {
			t.Errorf("%v, want %s", diags.Errors(), want)
		}
	}
}

// TestReaderLeft: nothing is made for somebody who does not wait any more; the next one
// gets everything.
func TestReaderLeft(t *testing.T) {
	files := fstest.MapFS{"a.hcl": {Data: []byte("listener \"w\" {\n  bind = [\":8080\"]\n}\n")}}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone"))
	o := Options{FS: files, Path: "/a.hcl", Context: ctx, Memory: new(Memory)}
	if cfg, diags := Load(o); cfg != nil || len(diags) == 0 || !strings.Contains(diags[0].Summary, "gone") {
		t.Errorf("%v", diags)
	}
	o.Context = t.Context()
	if cfg, diags := Load(o); cfg == nil {
		t.Errorf("%v", diags)
	}
}
