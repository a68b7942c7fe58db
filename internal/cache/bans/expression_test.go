package bans

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// thing is an object of a test.
type thing struct {
	head          [][2]string // names in lower case
	tags          []string
	key           string
	tenant, vhost string
	numbers       [Passed + 1]int64
}

func (o *thing) Header(name string, index int) ([]byte, bool) {
	for _, h := range o.head {
		if h[0] == name {
			if index == 0 {
				return []byte(h[1]), true
			}
			index--
		}
	}
	return nil, false
}

func (o *thing) Tag(tag string) bool {
	for _, t := range o.tags {
		if t == tag {
			return true
		}
	}
	return false
}

func (o *thing) Key() []byte             { return []byte(o.key) }
func (o *thing) Owner() (string, string) { return o.tenant, o.vhost }
func (o *thing) Number(n Number) int64   { return o.numbers[n] }

func sample() *thing {
	return &thing{
		head: [][2]string{{"x-build", "41"}, {"via", "a"}, {"via", "b"}, {"empty", ""}}, tags: []string{"cart", "product-7"},
		key: "https://shop.example:8443/img/logo.png?v=2&w=1\npart", tenant: "shop", vhost: "www",
		numbers: [...]int64{Status: 404, Size: 10 << 10, Hits: 3, Born: 1000e9, Expires: 1300e9, Passed: 0},
	}
}

// TestMatch asks about one object, whose age is 120 s.
func TestMatch(t *testing.T) {
	for text, want := range map[string]bool{
		`true`: true, `!true`: false, `false || !(false)`: true, `true == false`: false, `(1 == 1) != (2 < 1)`: true,
		`obj.header("X-Build") == "41" && obj.age > 60s`: true,
		`obj.header("X-Build") == "41" && obj.age > 2m`:  false,
		`obj.header("X-BUILD") == "42"`:                  false,
		`obj.header("Via") == "b"`:                       true,
		`obj.header("Via") != "b"`:                       false,
		`obj.header("Via") == obj.header("Via")`:         true,
		`obj.header("Via") == obj.header("Empty")`:       false,
		`obj.header("Nothing") == null`:                  true,
		`obj.header("Nothing") != "x"`:                   true,
		`obj.header("Nothing") == obj.header("Other")`:   false,
		`obj.header("Empty") == null`:                    false,
		`obj.header("Empty") == ""`:                      true,
		`null == null`:                                   true,
		`"a" == null`:                                    false,
		`prefix(obj.header("Via"), "x", "b")`:            true,
		`prefix(obj.header("Nothing"), "")`:              false,
		`suffix(obj.path, ".jpg", ".png")`:               true,
		`contains(obj.url, "img")`:                       true,
		`match(obj.path, "^/img/[a-z]+\\.png$")`:         true,
		`match(obj.tenant, "^www$")`:                     false,
		`obj.tag("cart") && !obj.tag("product-8")`:       true,
		`obj.status == 404`:                              true, `404 <= obj.status`: true, `obj.status < 404`: false, `obj.status >= 405`: false,
		`obj.size == 10KiB`: true, `obj.size > 10240`: false, `obj.size <= 10.5kB`: true,
		`obj.age == 2m0s`: true, `obj.age >= 0`: true, `obj.ttl == 3m`: true, `obj.hits > 2`: true,
		`obj.host == "shop.example:8443"`: true, `obj.path == "/img/logo.png"`: true, `obj.query == "v=2&w=1"`: true,
		`obj.url == "https://shop.example:8443/img/logo.png?v=2&w=1"`: true,
		`obj.tenant == "shop"`: true, `obj.vhost == "www"`: true,
		`true || obj.size == 1 && false`: true,
	} {
		e, err := Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := e.Match(sample(), 1120e9); got != want {
			t.Errorf("%s is %v", text, got)
		}
	}
}

// TestKeys cuts keys of every form.
func TestKeys(t *testing.T) {
	for key, want := range map[string][3]string{
		"http://a/b?c?d":      {"a", "/b", "c?d"},
		"http://a/b":          {"a", "/b", "-"},
		"http://a/?":          {"a", "/", ""},
		"http://a\nx://y/z?q": {"a", "", "-"},
		"http://a?q":          {"a", "", "q"},
		"https:///p":          {"", "/p", "-"},
		"a name of a guest":   {"-", "-", "-"},
		"":                    {"-", "-", "-"},
	} {
		var got [3]string
		for i, v := range []value{valueHost, valuePath, valueQuery} {
			text, ok := part([]byte(key), v)
			if got[i] = string(text); !ok {
				got[i] = "-"
			}
		}
		if got != want {
			t.Errorf("%q: %q", key, got)
		}
	}
}

// TestCanonical writes equal expressions alike.
func TestCanonical(t *testing.T) {
	for text, want := range map[string]string{
		` obj.age>60s `:                           `obj.age > 1m`,
		`(obj.age)>=90s`:                          `obj.age >= 90s`,
		`obj.age>1h30m`:                           `obj.age > 90m`,
		`obj.size < 1024`:                         `obj.size < 1KiB`,
		`obj.size < 1000`:                         `obj.size < 1000B`,
		`obj.age > 0`:                             `obj.age > 0s`,
		`obj.header("X-Up")==` + `"a\"b\\\n"`:     `obj.header("x-up") == "a\"b\\\n"`,
		`((true)&&(false||(true)))`:               `true && (false || true)`,
		`(true&&false)||true`:                     `true && false || true`,
		`true&&(false&&true)`:                     `true && false && true`,
		`!(!(obj.tag("a")))`:                      `!!obj.tag("a")`,
		`!(obj.status==1)`:                        `!(obj.status == 1)`,
		`(!obj.tag("a"))==true`:                   `!obj.tag("a") == true`,
		`(true==false)==(obj.tag("x")||false)`:    `(true == false) == (obj.tag("x") || false)`,
		`prefix ( obj.path , "/a","/b" ) != true`: `prefix(obj.path, "/a", "/b") != true`,
	} {
		e, err := Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if e.String() != want {
			t.Errorf("%s\nis written %s\nwant       %s", text, e, want)
		}
	}
	e, _ := Compile(`obj.age > 1s || true`)
	if got, want := e.Within("a").String(), `obj.tenant == "a" && (obj.age > 1s || true)`; got != want {
		t.Errorf("within: %s", got)
	}
}

// TestBansOfPrograms compiles what the bans of tenants' programs become.
func TestBansOfPrograms(t *testing.T) {
	text, err := os.ReadFile("../../tenant/text/testdata/bans.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if _, ban, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
			n++
			if _, err := Compile(ban); err != nil {
				t.Errorf("%s: %v", ban, err)
			}
		}
	}
	if n == 0 {
		t.Error("there is none")
	}
}

// TestErrors keeps what is said about wrong expressions.
func TestErrors(t *testing.T) {
	source, err := os.ReadFile("testdata/wrong.txt")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(source)) {
		text := strings.TrimSuffix(line, "\n")
		_, err := Compile(text)
		var wrong *Error
		if !errors.As(err, &wrong) {
			t.Errorf("%s compiles", text)
			continue
		}
		fmt.Fprintln(&b, wrong.Detail())
	}
	if *update {
		if err := os.WriteFile("testdata/wrong.golden", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/wrong.golden")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Error(d)
	}
}

// TestBounds refuses what is too large to be kept and tested by the thousand.
func TestBounds(t *testing.T) {
	for name, text := range map[string]string{
		"long": strings.Repeat(" ", MaxText+1), "nodes": strings.Repeat("true||", maxNodes) + "true",
		"depth": strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100), "not": strings.Repeat("!", 1000) + "true",
		"pattern": `match(obj.path, "` + strings.Repeat("a", maxRegex+1) + `")`, "repeat": `match(obj.path, "((a{500}){500}){500}")`,
	} {
		if _, err := Compile(text); err == nil {
			t.Errorf("%s: compiles", name)
		}
	}
}

// plan is an expression as text, and what it comes to said in another way.
type plan struct {
	text string
	eval func(o *thing, at int64) bool
}

func drawPlan(t *rapid.T, depth int) plan {
	if depth > 0 {
		switch rapid.IntRange(0, 4).Draw(t, "form") {
		case 0:
			a := drawPlan(t, depth-1)
			return plan{"!(" + a.text + ")", func(o *thing, at int64) bool { return !a.eval(o, at) }}
		case 1:
			a, b := drawPlan(t, depth-1), drawPlan(t, depth-1)
			return plan{"(" + a.text + ") && (" + b.text + ")", func(o *thing, at int64) bool { return a.eval(o, at) && b.eval(o, at) }}
		case 2:
			a, b := drawPlan(t, depth-1), drawPlan(t, depth-1)
			return plan{"(" + a.text + ")||(" + b.text + ")", func(o *thing, at int64) bool { return a.eval(o, at) || b.eval(o, at) }}
		case 3:
			a, b := drawPlan(t, depth-1), drawPlan(t, depth-1)
			return plan{"(" + a.text + ") != (" + b.text + ")", func(o *thing, at int64) bool { return a.eval(o, at) != b.eval(o, at) }}
		}
	}
	return drawLeaf(t)
}

func drawLeaf(t *rapid.T) plan {
	n := rapid.Int64Range(0, 4).Draw(t, "n")
	s := rapid.SampledFrom([]string{"a", "b", "ab", ""}).Draw(t, "s")
	switch rapid.IntRange(0, 5).Draw(t, "leaf") {
	case 0:
		return plan{fmt.Sprintf("obj.age > %ds", n), func(o *thing, at int64) bool { return (at-o.numbers[Born])/1e9 > n }}
	case 1:
		return plan{fmt.Sprintf("obj.ttl <= %d000ms", n), func(o *thing, at int64) bool { return o.numbers[Expires]-at <= n*1e9 }}
	case 2:
		return plan{fmt.Sprintf("%d != obj.status", n), func(o *thing, _ int64) bool { return o.numbers[Status] != n }}
	case 3:
		return plan{fmt.Sprintf("obj.header(\"X\") == %q", s), func(o *thing, _ int64) bool {
			return strings.Contains(fmt.Sprint(o.head)+" ", "[x "+s+"]")
		}}
	case 4:
		return plan{fmt.Sprintf("match(obj.path, %q)", "^/"+s+"$"), func(o *thing, _ int64) bool {
			return regexp.MustCompile("^http://h/" + s + "$").MatchString(o.key)
		}}
	}
	return plan{fmt.Sprintf("obj.tag(%q)", s), func(o *thing, _ int64) bool {
		return strings.Contains(","+strings.Join(o.tags, ",")+",", ","+s+",")
	}}
}

func drawThing(t *rapid.T) *thing {
	word := rapid.SampledFrom([]string{"a", "b", "ab", ""})
	o := &thing{key: "http://h/" + word.Draw(t, "path")}
	for _, v := range rapid.SliceOfN(word, 0, 2).Draw(t, "lines") {
		o.head = append(o.head, [2]string{"x", v})
	}
	o.tags = append(o.tags, rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "tag"))
	o.numbers[Status] = rapid.Int64Range(0, 4).Draw(t, "status")
	o.numbers[Born] = rapid.Int64Range(0, 4).Draw(t, "born") * 1e9
	o.numbers[Expires] = rapid.Int64Range(4, 9).Draw(t, "expires") * 1e9
	return o
}

// TestLikeNaive compares with the same expression said in Go, and reads the
// canonical text back.
func TestLikeNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, o := drawPlan(t, 4), drawThing(t)
		e, err := Compile(p.text)
		if err != nil {
			t.Fatalf("%s: %v", p.text, err)
		}
		at := rapid.Int64Range(4, 9).Draw(t, "at") * 1e9
		if got, want := e.Match(o, at), p.eval(o, at); got != want {
			t.Fatalf("%s is %v of %+v", p.text, got, o)
		}
		again, err := Compile(e.String())
		if err != nil || again.String() != e.String() || again.Match(o, at) != e.Match(o, at) {
			t.Fatalf("%s\nreads back as %v, %v", e, again, err)
		}
	})
}

func TestMatchAllocatesNothing(t *testing.T) {
	e, err := Compile(`obj.header("x-build") == "41" && obj.age > 60s && match(obj.path, "^/img/") && obj.tenant == "shop" && !prefix(obj.host, "a", "b")`)
	if err != nil {
		t.Fatal(err)
	}
	l := New(0)
	if _, err := l.Add(e, true, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	o := quiet{}
	if v, n := l.Test(o); v != Expire || n != 1 {
		t.Fatalf("verdict %d, number %d", v, n)
	}
	if n := testing.AllocsPerRun(100, func() { l.Test(o) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// quiet is an object that allocates nothing to answer.
type quiet struct{}

func (quiet) Header(_ string, i int) ([]byte, bool) { return view("41"), i == 0 }
func (quiet) Tag(string) bool                       { return true }
func (quiet) Key() []byte                           { return view("http://shop/img/") }
func (quiet) Owner() (string, string)               { return "shop", "www" }
func (quiet) Number(n Number) int64 {
	if n == Born {
		return -1e12
	}
	return 0
}

func BenchmarkTest(b *testing.B) {
	l := New(0)
	b.Run("none newer", func(b *testing.B) {
		for b.Loop() {
			if !l.Passed(0) {
				b.Fatal("a ban came")
			}
		}
	})
	for i := range 100 {
		e, _ := Compile(fmt.Sprintf(`obj.header("X") == "%d" && obj.age > 60s`, i))
		_, _ = l.Add(e, false, time.Unix(0, 0))
	}
	o := quiet{}
	b.Run("a hundred newer", func(b *testing.B) {
		for b.Loop() {
			l.Test(o)
		}
	})
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`obj.header("X") == "y" && obj.age > 60s`, `!(obj.tag("a") || prefix(obj.path, "/x", "\"\\\n"))`, `obj.size >= 1.5KiB != true`,
		`match(obj.host, "(?i)^a.*$")`, `null == obj.query`, `1h30m < obj.ttl`, "obj.status=404", "\"\x00\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Compile(text)
		var wrong *Error
		if err != nil {
			if !errors.As(err, &wrong) || wrong.Offset < 0 || wrong.Offset > len(wrong.Source) || wrong.Detail() == "" {
				t.Fatalf("error %#v", err)
			}
			return
		}
		again, err := compile(e.String(), 8)
		if err != nil || again.String() != e.String() {
			t.Fatalf("%q\nreads back as %v, %v", e, again, err)
		}
		if o := sample(); again.Match(o, 1) != e.Match(o, 1) {
			t.Fatalf("%q means something else when it is read back", e)
		}
	})
}
