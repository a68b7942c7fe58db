package config

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"fishplate/internal/config/files"
	"fishplate/internal/model"
)

// testOptions read below testdata.
func testOptions(path string) Options {
	env := map[string]string{"PORT": "9000", "HOME": "/home/fp", "PWD": "/srv", "XDG_RUNTIME_DIR": "/run/user/1"}
	return Options{
		FS: os.DirFS("testdata"), Path: path, Now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		Env: func(k string) (string, bool) { v, ok := env[k]; return v, ok },
	}
}

func TestSmallestFile(t *testing.T) {
	cfg, diags := Load(testOptions("small.hcl"))
	if len(diags) > 0 {
		t.Fatalf("diagnostics: %v", diags)
	}
	if got := cfg.VHosts[0].Routes[0]; got.Name != "all" || got.Backend != "app" {
		t.Errorf("route = %+v", got)
	}
	if got := cfg.Backends[0].Servers[0]; got.Name != "127.0.0.1:9000" || got.Weight != 100 {
		t.Errorf("server = %+v", got)
	}
}

// TestSourcesAreText: what is no text, or no file, is refused before it is read
// as a configuration.
func TestSourcesAreText(t *testing.T) {
	for name, file := range map[string]*fstest.MapFile{
		"elf":    {Data: []byte("\x7fELF\x02\x01\x00\x00")},
		"latin1": {Data: []byte("vhost \"\xe9\" {}\n")},
		"device": {Data: nil, Mode: fs.ModeDevice},
		"large":  {Data: make([]byte, files.MaxFile+1)},
	} {
		_, diags := Load(Options{FS: fstest.MapFS{"site.hcl": file}, Path: "/site.hcl"})
		if len(diags) != 1 || !diags.HasErrors() {
			t.Errorf("%s: %v; want one error", name, diags)
		}
	}
}

// TestDepthIsBounded: deep brackets are refused before a library reads them.
func TestDepthIsBounded(t *testing.T) {
	for _, name := range []string{"site.hcl", "site.json"} {
		for _, open := range []string{"{\"a\":", "[", "("} {
			if open == "(" && name == "site.json" {
				continue // no bracket there
			}
			text := []byte("x = " + strings.Repeat(open, model.MaxBrackets+1))
			_, diags := Load(Options{FS: fstest.MapFS{name: &fstest.MapFile{Data: text}}, Path: "/" + name})
			if len(diags) != 1 || diags[0].Summary != "brackets are nested deeper than 500" || diags[0].Line != 1 || diags[0].Column < 500 {
				t.Errorf("%s of %s: %v", name, open, diags)
			}
		}
	}
}

// TestLocalsAreBounded: locals that grow tenfold are stopped while they are small.
func TestLocalsAreBounded(t *testing.T) {
	for _, form := range []string{"\"${%[1]s}${%[1]s}${%[1]s}${%[1]s}${%[1]s}${%[1]s}${%[1]s}${%[1]s}\"", "[%[1]s, %[1]s, %[1]s, %[1]s, %[1]s, %[1]s, %[1]s, %[1]s]"} {
		text := "locals {\n  l0 = \"abcdefgh\"\n"
		for i := range 12 {
			text += fmt.Sprintf("  l%d = "+strings.ReplaceAll(form, "%[1]s", fmt.Sprintf("local.l%d", i))+"\n", i+1)
		}
		_, diags := Load(Options{FS: fstest.MapFS{"site.hcl": {Data: []byte(text + "}\n")}}, Path: "/site.hcl"})
		if !diags.HasErrors() || !strings.Contains(diags[0].Summary, "make more than") {
			t.Errorf("%s: %v", form, diags)
		}
	}
}
