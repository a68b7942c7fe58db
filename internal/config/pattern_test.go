package config

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"fishplate/internal/model"
)

// TestPatternsAreBounded: a short text makes no large regular expression, nor many
// make more than a configuration may have, also of what an earlier load knew.
func TestPatternsAreBounded(t *testing.T) {
	file := func(routes string) string {
		return "listener \"w\" {\n  bind = [\":8080\"]\n}\nbackend \"b\" {\n  servers = [\"127.0.0.1:1\"]\n}\nvhost \"v\" {\n" + routes + "}\n"
	}
	large := "(" + strings.Repeat("a", 3000) + "){1000}"
	most := "(" + strings.Repeat("a", 900) + "){10}"
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "  route \"r%d\" {\n    path = \"~^/%d%s\"\n    backend = \"b\"\n  }\n", i, i, most)
		}
		return file(b.String())
	}
	for _, tt := range []struct{ name, text, want string }{
		{"path", file("  route \"r\" {\n    path = \"~" + large + "\"\n    backend = \"b\"\n  }\n"), fmt.Sprint("the expression is too large: it comes to more than ", model.MaxPattern)},
		{"match", file("  route \"r\" {\n    when = match(path, \"" + large + "\")\n    backend = \"b\"\n  }\n"), fmt.Sprint("the expression is too large: it comes to more than ", model.MaxPattern)},
		{"one", many(1), ""},
		{"many", many(model.MaxPatterns/9000 + 1), fmt.Sprint("all of this configuration come to more than ", model.MaxPatterns)},
	} {
		memory := new(Memory)
		for range 2 {
			cfg, diags := Load(Options{FS: fstest.MapFS{"a.hcl": {Data: []byte(tt.text)}}, Path: "/a.hcl", Memory: memory})
			errs := diags.Errors()
			if (cfg != nil) != (tt.want == "") || tt.want != "" && (!strings.Contains(errs[0].Summary, tt.want) || errs[0].Line < 9) {
				t.Errorf("%s: %.300v", tt.name, errs)
			}
		}
	}
	// What is taken over counts: half of all, and then another half and one more.
	half := many(model.MaxPatterns / 9100 * 6 / 10)
	memory := new(Memory)
	load := func(text string) Diagnostics {
		_, diags := Load(Options{FS: fstest.MapFS{"a.hcl": {Data: []byte(text)}}, Path: "/a.hcl", Memory: memory})
		return diags.Errors()
	}
	if errs := load(half); len(errs) > 0 {
		t.Fatalf("%.300v", errs)
	}
	other := strings.ReplaceAll(half[strings.Index(half, "vhost \"v\""):], "vhost \"v\" {", "vhost \"other\" {\n  hosts = [\"other\"]")
	if errs := load(half + other); len(errs) == 0 {
		t.Error("two vhosts have too much together")
	}
}

// TestGuessesAreBounded: of many names that do not exist it is said of the first ones
// what they may have meant, and of all that they do not.
func TestGuessesAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 150 {
		fmt.Fprintf(&b, "backend \"b%d\" {\n  servers = [\"127.0.0.1:1\"]\n}\nvhost \"v%d\" {\n  hosts = [\"h%d\"]\n  backend = \"b%dx\"\n}\n", i, i, i, i)
	}
	_, diags := Load(Options{FS: fstest.MapFS{"a.hcl": {Data: []byte(b.String())}}, Path: "/a.hcl"})
	errs, guesses := diags.Errors(), 0
	for _, d := range errs {
		if strings.HasPrefix(d.Suggestion, "did you mean ") {
			guesses++
		}
	}
	if len(errs) != 150 || guesses != 100 {
		t.Errorf("%d errors, %d guesses: %.300v", len(errs), guesses, errs)
	}
}
