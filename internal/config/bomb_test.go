package config

import (
	"strings"
	"testing"
	"testing/fstest"
)

// bombs are expressions that repeat one thing on which a parser calls itself.
func bombs(n int) map[string]string {
	r := func(s string) string { return strings.Repeat(s, n/len(s)) }
	return map[string]string{
		"not":         r("!") + "true",
		"minus":       r("- ") + "1",
		"minus lines": "{ for k, v in {} : k => " + r("-\n") + "1 }",
		"condition":   r("true ? 1 : ") + "1",
		"condition 2": r("true ? ") + "1" + r(" : 1"),
		"plus":        r("1 + ") + "1",
		"and":         r("true && ") + "true",
		"steps":       "local" + r(".a"),
		"index":       "local" + r("[0]"),
		"splat":       "local" + r(".*"),
		"splat 2":     "local" + r("[*]"),
		"calls":       r("f(") + r(")"),
		"parentheses": r("(") + "1" + r(")"),
		"lists":       r("[\"]\",") + "1" + r("]"),
		"objects":     r("{a=") + "1" + r("}"),
		"interpolate": r("\"${") + r("}\""),
		"control":     "\"" + r("%{if true}") + "\"",
		"heredoc":     "<<E\n" + r("%{if true}\n") + "\nE\n",
		"for":         r("[for x in ") + "[]" + r(": x]"),
		"mixed":       r("!(\n-") + "1" + r(")"),
	}
}

// TestBombsAreRefused: what would end the process by its stack is an error with a
// line, in files of both syntaxes.
func TestBombsAreRefused(t *testing.T) {
	for name, e := range bombs(1 << 17) {
		native := "locals {\n  a = " + e + "\n}\n"
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace("${" + e + "}")
		for file, text := range map[string]string{"site.hcl": native, "site.hcl.json": `{"locals": {"a": "` + quoted + `"}}`} {
			cfg, diags := Load(Options{FS: fstest.MapFS{file: {Data: []byte(text)}}, Path: "/" + file})
			if cfg != nil || !diags.HasErrors() {
				t.Fatalf("%s in %s: it was taken", name, file)
			}
			if s := diags[0].Summary; !strings.Contains(s, "expression holds more than") && !strings.Contains(s, "brackets are nested deeper") || diags[0].Line == 0 {
				t.Errorf("%s in %s: %v", name, file, diags[0])
			}
		}
	}
	deep := "{\"a\": " + strings.Repeat("[\"]\",", 1<<20) + "1"
	if cfg, diags := Load(Options{FS: fstest.MapFS{"site.json": {Data: []byte(deep)}}, Path: "/site.json"}); cfg != nil || !strings.Contains(diags[0].Summary, "nested deeper") {
		t.Errorf("deep JSON: %v", diags)
	}
}

// TestLongListsAreTaken: elements stand beside each other, and are no depth.
func TestLongListsAreTaken(t *testing.T) {
	text := "locals {\n  a = [" + strings.Repeat("\"x-${1 + 1}.y\", ", 20000) + "]\n" + "  o = {\n" + strings.Repeat("    k = -1\n", 3) + "  }\n}\n"
	_, diags := Load(Options{FS: fstest.MapFS{"site.hcl": {Data: []byte(text)}}, Path: "/site.hcl"})
	for _, d := range diags {
		if strings.Contains(d.Summary, "operators") || strings.Contains(d.Summary, "nested") {
			t.Error(d)
		}
	}
}
