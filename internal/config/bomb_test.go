package config

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"fishplate/internal/model"
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
	deep := "{\"a\": " + strings.Repeat("[\"]\",", 1<<19) + "1"
	if cfg, diags := Load(Options{FS: fstest.MapFS{"site.json": {Data: []byte(deep)}}, Path: "/site.json"}); cfg != nil || !strings.Contains(diags[0].Summary, "nested deeper") {
		t.Errorf("deep JSON: %v", diags)
	}
}

// nest is a loop within a loop, so many deep.
func nest(depth int, list, value string) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "[for x%d in %s: ", i, list)
	}
	return b.String() + value + strings.Repeat("]", depth)
}

// TestWhatMultiplies: a short text makes no more values than a load may have,
// whatever it multiplies them with.
func TestWhatMultiplies(t *testing.T) {
	const made, digits = "expressions of this configuration make more than", "number is too large or too small"
	double := func(once string) string {
		var b strings.Builder
		fmt.Fprint(&b, "[for x0 in [local.long]: ")
		for i := range 60 {
			fmt.Fprintf(&b, "[for x%d in [%s]: ", i+1, strings.ReplaceAll(once, "x", fmt.Sprint("x", i)))
		}
		return b.String() + "1" + strings.Repeat("]", 61)
	}
	twice, pairs := " t0 = [1, 2, 3, 4]\n", " t0 = {a = 1}\n"
	for i := range 19 {
		twice += fmt.Sprintf(" t%d = [local.t%d, local.t%d]\n", i+1, i, i)
		pairs += fmt.Sprintf(" t%d = {a = local.t%d, b = local.t%d}\n", i+1, i, i)
	}
	square := ""
	for i := range 40 {
		square += fmt.Sprintf("  n%d = local.n%d * local.n%d\n", i+1, i, i)
	}
	ones := "[" + strings.Repeat("1, ", 300) + "]"
	loops := strings.Repeat("%{for a in "+ones+"}", 4) + "x" + strings.Repeat("%{endfor}", 4)
	for name, tc := range map[string]struct{ text, want string }{
		"loops":      {"locals {\n a = " + nest(4, "local.list", "1") + "\n}\n", made},
		"of nothing": {"locals {\n a = " + nest(3, "local.list", "[for y in local.list: y if false]") + "\n}\n", made},
		"of errors":  {"locals {\n a = " + nest(4, "local.list", "-\"x\"") + "\n}\n", made},
		"objects":    {"locals {\n a = " + nest(3, "local.list", `{for y in local.list: y => y}`) + "\n}\n", made},
		"groups":     {"locals {\n a = " + nest(3, "local.list", `{for y in local.list: "k" => y...}`) + "\n}\n", made},
		"splats":     {"locals {\n a = " + nest(3, "local.list", "local.list[*]") + "\n}\n", made},
		"templates":  {"locals {\n a = \"" + loops + "\"\n}\n", made},
		"attribute":  {"backend \"b\" {\n servers = " + nest(4, "local.list", "1") + "\n}\n", made},
		"key":        {"vhost \"v\" {\n route \"r\" {\n  request {\n   set = { \"" + loops + "\" = \"x\" }\n  }\n }\n}\n", "is a plain word"},
		"condition":  {"vhost \"v\" {\n route \"r\" {\n  when = host == local.list[" + nest(4, "local.list", "1") + "[0][0][0][0]]\n }\n}\n", made},
		"text":       {"locals {\n a = " + double(`"${x}${x}"`) + "\n}\n", made},
		"lists":      {"locals {\n a = " + double("[x, x]") + "\n}\n", made},
		"parts":      {"locals {\n a = \"" + strings.Repeat("${local.long}", 900) + "\"\n}\n", made},
		"many parts": {"locals {\n" + times(100, " a%d = \""+strings.Repeat("${local.long}", 9)+"\"\n") + "}\n", made},
		"shared":     {times(400, "listener \"l%d\" {\n forwarded {\n  trust = local.many\n }\n}\n"), made},
		"files":      {"locals {\n a = {" + strings.Repeat("a = \"${file(\"site.hcl\")}\", ", 400) + "}\n}\n", made},
		"twice":      {"locals {\n" + twice + "}\n", made},
		"pairs":      {"locals {\n" + pairs + "}\n", made},
		"literal":    {"locals {\n a = 1e999999999\n}\n", "exponent beyond"},
		"far away":   {"locals {\n a = \"1e600000000\" + 1\n}\n", digits},
		"farther":    {"locals {\n a = \"1e999999999\" + 1\n}\n", digits},
		"tiny":       {"locals {\n a = \"1e-99999999\" * 1\n}\n", digits},
		"negative":   {"locals {\n a = {b = 1}[-\"1e600000000\"]\n}\n", digits},
		"element":    {"locals {\n a = local.list[\"1e600000000\"]\n}\n", digits},
		"of element": {"locals {\n a = [for x in [[local.list]]: x[0][\"1e600000000\"].b]\n}\n", digits},
		"computed":   {"locals {\n i = \"1e600000000\"\n a = local.list[local.i]\n}\n", digits},
		"powers":     {"locals {\n n0 = 1e9\n" + square + "}\n", digits},
	} {
		t.Run(name, func(t *testing.T) {
			text := "locals {\n list = " + ones + "\n many = [" + strings.Repeat(`"10.0.0.1/32", `, 40000) + "]\n long = \"" + strings.Repeat("x", 1<<18) + "\"\n}\n" + tc.text
			cfg, diags := Load(Options{FS: fstest.MapFS{"site.hcl": {Data: []byte(text)}}, Path: "/site.hcl"})
			if cfg != nil || !slices.ContainsFunc(diags, func(d Diagnostic) bool { return strings.Contains(d.Summary, tc.want) && d.Line > 4 }) {
				t.Errorf("%.5s", diags)
			}
		})
	}
	names := "locals {\n a = {\"1e600000000\" = {b = \"127.0.0.1:1\"}}\n i = \"1e600000000\"\n}\n" +
		"backend \"b\" {\n servers = [local.a[\"1e600000000\"].b, local.a[local.i].b]\n}\n"
	if _, diags := Load(Options{FS: fstest.MapFS{"site.hcl": {Data: []byte(names)}}, Path: "/site.hcl"}); slices.ContainsFunc(diags, func(d Diagnostic) bool { return strings.Contains(d.Summary, digits) }) {
		t.Errorf("names of an object are no numbers: %v", diags)
	}
	twin := `{"locals": {"a": 1e999999999}}`
	if cfg, diags := Load(Options{FS: fstest.MapFS{"site.hcl.json": {Data: []byte(twin)}}, Path: "/site.hcl.json"}); cfg != nil || !strings.Contains(diags[0].Summary, digits) {
		t.Errorf("JSON: %v", diags)
	}
}

func times(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "%d", fmt.Sprint(i)))
	}
	return b.String()
}

// TestWhatIsUsual: what sites make of loops and share is far from the bound.
func TestWhatIsUsual(t *testing.T) {
	text := "locals {\n a = [" + strings.Repeat("1, ", 300) + "]\n b = " + nest(2, "local.a", `"x-${x0}-${x1}.example"`) + "\n nets = [" + strings.Repeat(`"10.0.0.0/8", `, 500) + "]\n}\n" +
		"listener \"web\" {\n bind = [\"127.0.0.1:0\"]\n}\nbackend \"b\" {\n servers = [\"127.0.0.1:1\"]\n}\n" +
		times(300, "vhost \"v%d\" {\n  hosts = [\"v%d.example\"]\n  cache {\n    purge {\n      from = local.nets\n    }\n  }\n  backend = \"b\"\n}\n")
	if _, diags := Load(Options{FS: fstest.MapFS{"site.hcl": {Data: []byte(text)}}, Path: "/site.hcl", Flat: true}); slices.ContainsFunc(diags, func(d Diagnostic) bool { return strings.Contains(d.Summary, "make more") }) {
		t.Errorf("%.3s", diags)
	} else if diags.HasErrors() {
		t.Errorf("the text of this test is wrong: %.3s", diags)
	}
}

// TestLargeTexts: what is read at once is bounded, and a large file of many blocks
// is read part by part, with its mistakes where they stand.
func TestLargeTexts(t *testing.T) {
	load := func(name, text string, o Options) (*model.Config, Diagnostics) {
		o.FS, o.Path = fstest.MapFS{name: {Data: []byte(text)}}, "/"+name
		return Load(o)
	}
	site := "listener \"web\" {\n  bind = [\"127.0.0.1:0\"]\n}\n" + times(4500, "backend \"b%d\" {\n  servers = [\"127.0.0.1:1\"]\n  # "+strings.Repeat("-", 1000)+"\n}\n")
	for _, o := range []Options{{}, {Memory: &Memory{}}} {
		for name, text := range map[string]string{"site.hcl": strings.Repeat("!", 10<<20), "site.hcl.json": `{"locals": [` + strings.Repeat("1,", 3<<20) + "1]}"} {
			if cfg, diags := load(name, text, o); cfg != nil || len(diags) != 1 || !strings.Contains(diags[0].Summary, "4194304 are read at once at most") || diags[0].Line != 1 {
				t.Errorf("%s: %.3s", name, diags)
			}
		}
		if _, diags := load("site.hcl", site, o); diags.HasErrors() {
			t.Errorf("%d bytes: %.3s", len(site), diags)
		}
		if _, diags := load("site.hcl", times(5000, "} %d "+strings.Repeat("-", 1000)+"\n"), o); len(diags) != maxBroken {
			t.Errorf("braces: %d mistakes: %.3s", len(diags), diags)
		}
		broken := site + "backend \"c\" {\n  servers = [\"\n}\nvhost \"any\" {\n  backend = = \"b0\"\n}\n"
		_, diags := load("site.hcl", broken, o)
		var at []int
		for _, d := range diags.Errors() {
			at = append(at, d.Line)
		}
		if last := strings.Count(site, "\n"); !slices.Contains(at, last+2) || !slices.Contains(at, last+5) {
			t.Errorf("mistakes in lines %d: %.5s", at, diags)
		}
	}
}

// TestBrokenTextsAreCheap: what is no configuration takes little memory to refuse.
func TestBrokenTextsAreCheap(t *testing.T) {
	for _, sign := range []string{"}\n", "(", "[", "\"${", "a {\n"} {
		text := []byte("a = 1\n" + strings.Repeat(sign, (4<<20-16)/len(sign)))
		if sign == "}\n" {
			text = append(text, text...)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, diags := Load(Options{FS: fstest.MapFS{"site.hcl": {Data: text}}, Path: "/site.hcl"})
		runtime.ReadMemStats(&after)
		if made := after.TotalAlloc - before.TotalAlloc; made > 160<<20 || !diags.HasErrors() {
			t.Errorf("%q: %d MiB: %.3s", sign, made>>20, diags)
		}
	}
}

// TestManyMadeAnew: what is taken over from an earlier load counts as in the first.
func TestManyMadeAnew(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	block := func(name string) string {
		return "backend \"" + name + "\" {\n  servers = [for x in [\"" + strings.Repeat("${local.long}", 40) + "\"]: \"127.0.0.1:1\"]\n}\n"
	}
	load := func(text string, m *Memory) *model.Config {
		cfg, _ := Load(Options{FS: fstest.MapFS{"site.hcl": {Data: []byte("locals {\n long = \"" + long + "\"\n}\n" + text)}}, Path: "/site.hcl", Memory: m})
		return cfg
	}
	m := &Memory{}
	first, more := block("a"), block("a")+block("b")
	if load(first, m) == nil || load(more, nil) != nil {
		t.Fatal("the sizes of this test are wrong")
	}
	if load(more, m) != nil {
		t.Error("it was taken, which a start would refuse")
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

// TestServersAreBounded: a list that many backends share is small, and its servers
// are not.
func TestServersAreBounded(t *testing.T) {
	text := "locals {\n  list = [" + times(5000, "\"10.0.0.1:%d1\", ") + "]\n}\n" + times(30, "backend \"b%d\" {\n  servers = local.list\n}\n") + "vhost \"v\" {\n  backend = \"b29\"\n}\n"
	cfg, diags := Load(Options{FS: fstest.MapFS{"site.hcl": {Data: []byte(text)}}, Path: "/site.hcl"})
	if cfg != nil || !strings.Contains(diags.Errors().Error(), "more than 100000 servers together") || len(diags.Errors()) != 1 {
		t.Errorf("%.5s", diags.Errors())
	}
}
