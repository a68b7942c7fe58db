package tenant

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
)

// A desk makes calls on a fork as a program would: texts are put into its
// memory, registers set, and the row's handler run.
type desk struct {
	t  testing.TB
	v  *vm
	at uint64
}

// sit returns a desk at a fork in on_recv, with a request that has a connection.
func sit(t testing.TB) (*desk, *message.Request) {
	t.Helper()
	tn := start(t, guestModel("hello"))
	req := request("/a/b%20c/?q=1&x=a+b%21&q=2", "Cookie: a=1; beta=two", "X-One: 1", "X-Two: 2", "x-one: 3")
	req.ClientIP = netip.MustParseAddr("192.0.2.1")
	req.Conn = &message.Conn{Client: netip.MustParseAddrPort("192.0.2.9:4711"), Local: netip.MustParseAddrPort("[::1]:443")}
	return deskFor(t, tn, req), req
}

func deskFor(t testing.TB, tn *Tenant, req *message.Request) *desk {
	t.Helper()
	im := tn.current.Load()
	v, err := im.take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { im.give(v) })
	v.attach(stageRecv, req, nil)
	v.taken = time.Now()
	v.limit = v.m.Instret + 1<<40
	return &desk{t: t, v: v, at: v.heapBase}
}

func (d *desk) put(b string) (addr, n uint64) {
	d.t.Helper()
	addr = d.at
	if err := d.v.store(addr, []byte(b)); err != nil {
		d.t.Fatal(err)
	}
	d.at += uint64(len(b)+15) &^ 15
	return addr, uint64(len(b))
}

// raw makes call n with registers from a0 on: strings take two.
func (d *desk) raw(n int, args ...any) (int64, error) {
	d.t.Helper()
	i := 0
	for _, a := range args {
		switch a := a.(type) {
		case string:
			d.v.m.X[10+i], d.v.m.X[11+i] = d.put(a)
			i += 2
		case int:
			d.v.m.X[10+i] = uint64(a)
			i++
		case uint64:
			d.v.m.X[10+i] = a
			i++
		}
	}
	d.v.pace = pacer{v: d.v, ctx: context.Background(), end: 1 << 62}
	err := d.v.dispatch(&d.v.pace, uint64(n))
	return int64(d.v.m.X[10]), err
}

func (d *desk) num(n int, args ...any) int64 {
	d.t.Helper()
	got, err := d.raw(n, args...)
	if err != nil {
		d.t.Fatalf("call %d: %v", n, err)
	}
	return got
}

const room = 4096

// text makes a call whose last registers are a destination.
func (d *desk) text(n int, args ...any) string {
	d.t.Helper()
	dst := d.at
	d.at += room
	length := d.num(n, append(args, dst, uint64(room))...)
	if length < 0 {
		return errorWord(length)
	}
	b, err := d.v.buffer(dst, uint64(length))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(b)
}

func errorWord(n int64) string {
	return "!" + []string{"", "none", "invalid", "limit", "time", "failed", "denied", "conflict", "stage"}[-n]
}

// record makes a call with a record of texts; a string counts as two words.
func (d *desk) record(n int, out bool, args ...any) string {
	d.t.Helper()
	var b []byte
	for _, a := range args {
		switch a := a.(type) {
		case string:
			at, n := d.put(a)
			b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, at), n)
		case int:
			b = binary.LittleEndian.AppendUint64(b, uint64(a))
		}
	}
	dst := d.at
	d.at += room
	if out {
		b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, dst), room)
	}
	at, _ := d.put(string(b))
	got := d.num(n, at)
	switch {
	case got < 0:
		return errorWord(got)
	case !out:
		return string(rune('0' + got))
	}
	text, err := d.v.buffer(dst, uint64(got))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

func TestRequestCalls(t *testing.T) {
	d, req := sit(t)
	for _, c := range []struct {
		call int
		args []any
		want string
	}{
		{600, nil, "192.0.2.1"}, {602, nil, "[::1]:443"}, {603, nil, "http"}, {604, []any{0}, "!none"}, {604, []any{9}, "!invalid"},
		{606, nil, "hello"}, {607, []any{"q"}, "1"}, {607, []any{"x"}, "a b!"}, {607, []any{"y"}, "!none"},
		{610, []any{"beta"}, "two"}, {610, []any{"gamma"}, "!none"}, {611, nil, "/a/b%20c/"},
		{612, []any{0}, "a"}, {612, []any{1}, "b c"}, {612, []any{-1}, ""}, {612, []any{-3}, "a"}, {612, []any{3}, "!none"}, {612, []any{-4}, "!none"},
		{613, nil, "a.test"}, {614, []any{0, "X-ONE"}, "1"}, {614, []any{0, "x-none"}, "!none"}, {614, []any{2, "x"}, "!stage"},
		{617, []any{0}, "Host: a.test\nCookie: a=1; beta=two\nX-One: 1\nX-Two: 2\nx-one: 3\n"}, {617, []any{7}, "!stage"},
	} {
		if got := d.text(c.call, c.args...); got != c.want {
			t.Errorf("call %d %v: %q, want %q", c.call, c.args, got, c.want)
		}
	}
	if port := d.num(601); port != 4711 {
		t.Error(port)
	}
	if id := d.text(605); len(id) != 16 || id != d.text(605) {
		t.Errorf("request id %q", id)
	}
	if got := d.num(608, "q", "new value&"); got != 0 || string(req.Query) != "q=new+value%26&x=a+b%21" {
		t.Errorf("%d %q", got, req.Query)
	}
	d.num(608, "z", "1")
	if got := d.num(609, "q"); got != 1 || string(req.Query) != "x=a+b%21&z=1" {
		t.Errorf("%d %q", got, req.Query)
	}
	d.num(609, "x")
	if got := d.num(609, "z"); got != 1 || req.HasQuery || string(req.Target) != "/a/b%20c/" {
		t.Errorf("%d %q", got, req.Target)
	}
	if got := d.num(615, 0, "x-one", "9"); got != 8 || req.Len() != 4 || value(&req.Header, "X-One") != "9" {
		t.Error(got, req.Len())
	}
	for _, bad := range [][2]string{{"X-Bad", "a\r\nb"}, {"Content-Length", "1"}, {"", "x"}, {"a b", "x"}, {"X-A", "a\x00"}} {
		if got := d.num(615, 0, bad[0], bad[1]); got != errInvalid {
			t.Errorf("%q: %d", bad, got)
		}
	}
	if d.num(616, 0, "X-One") != 1 || d.num(616, 0, "X-One") != 0 || d.num(616, 0, "Host") != errDenied {
		t.Error("fields are not removed as they should be")
	}
	if d.num(607, "nothing", uint64(0), uint64(0)); d.text(546) != "there is no such thing" {
		t.Errorf("error text %q", d.text(546))
	}
}

func TestTextCalls(t *testing.T) {
	d, _ := sit(t)
	for _, c := range []struct {
		call int
		args []any
		want string
	}{
		{700, []any{0, "foob"}, "Zm9vYg=="}, {700, []any{2, "foob"}, "Zm9vYg"}, {700, []any{1, "\xfb\xff"}, "-_8="}, {700, []any{4, "x"}, "!invalid"},
		{701, []any{0, "Zm9vYg=="}, "foob"}, {701, []any{0, "Zm9vYg"}, "!invalid"}, {701, []any{0, "Zm9vYh=="}, "!invalid"}, {701, []any{3, "-_8"}, "\xfb\xff"},
		{702, []any{0, "a b/ü~"}, "a%20b%2F%C3%BC~"}, {702, []any{1, "a b"}, "a+b"},
		{703, []any{0, "a%20b+%2f"}, "a b+/"}, {703, []any{1, "a+b"}, "a b"}, {703, []any{0, "%2"}, "!invalid"}, {703, []any{0, "%zz"}, "!invalid"},
		{704, []any{0, "\x00\xff"}, "00ff"}, {704, []any{1, "\xff"}, "FF"}, {705, []any{0, "00Ff"}, "\x00\xff"}, {705, []any{0, "0"}, "!invalid"}, {705, []any{1, "00"}, "!invalid"},
		{654, []any{"a\"\n\xff\x01é"}, `"a\"\n` + "\uFFFD" + `\u0001é"`}, {663, []any{"<a b='1'>&\n\x00"}, "&lt;a b=&apos;1&apos;&gt;&amp;&#10;\uFFFD"},
	} {
		if got := d.text(c.call, c.args...); got != c.want {
			t.Errorf("call %d %q: %q, want %q", c.call, c.args, got, c.want)
		}
	}
	for _, c := range []struct {
		pattern, text string
		want          int64
	}{
		{"*.jpg", "/a/b.jpg", 1}, {"a?c", "abc", 1}, {"a?c", "ac", 0}, {"[a-c]x", "bx", 1}, {"[!a-c]x", "bx", 0}, {`\*`, "*", 1}, {`\*`, "x", 0},
		{"", "", 1}, {"*", "", 1}, {"[", "[", errInvalid}, {`\`, "", errInvalid}, {"[]]", "]", 1}, {strings.Repeat("*a", 50) + "b", strings.Repeat("a", 3000), 0},
	} {
		if got := d.num(710, c.pattern, c.text); got != c.want {
			t.Errorf("glob %q %q: %d", c.pattern, c.text, got)
		}
	}
	if n := d.num(700, 0, "foob", uint64(0), uint64(0)); n != 8 {
		t.Error("the length is not told without room:", n)
	}
}

func TestDocumentCalls(t *testing.T) {
	d, _ := sit(t)
	const doc = ` {"a": [1, {"b.c": "x\u0041\n"}, [], null], "t": true, "f": false, "n": -1.5e3, "": {} } `
	for path, want := range map[string]string{
		"a.0": "1", `a.1.b\.c`: "xA\n", "a.2": "[]", "a.3": "null", "t": "true", "n": "-1.5e3", "a.4": "!none", "a.01": "!none", "a.-1": "!none",
		"x.y": "!none", "t.x": "!none", `x\`: "!invalid", "@this": "!none", "a.#": "!none", "a.*": "!none", "a|0": "!none",
	} {
		if got := d.text(651, doc, path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]int64{"": 6, "a": 5, "a.0": 3, "a.3": 0, "t": 2, "f": 1, `a.1.b\.c`: 4, "q": errNone} {
		if got := d.num(652, doc, path); got != want {
			t.Errorf("type of %q: %d, want %d", path, got, want)
		}
	}
	if d.num(653, doc, "a") != 4 || d.num(653, doc, "") != 5 || d.num(653, doc, "t") != errNone || d.num(653, "{", "") != errInvalid {
		t.Error("count")
	}
	for text, want := range map[string]int64{"{}": 1, "": 0, "[1,]": 0, `"a` + "\n" + `"`: 0, strings.Repeat("[", 600) + strings.Repeat("]", 600): 0, strings.Repeat("[", 512) + strings.Repeat("]", 512): 1} {
		if got := d.num(650, text); got != want {
			t.Errorf("%.20q valid: %d", text, got)
		}
	}
	for _, c := range []struct{ doc, path, value, want string }{
		{`{"a":1}`, "a", "2", `{"a":2}`}, {`{"a":1}`, "b", `"x"`, `{"a":1,"b":"x"}`}, {`{ }`, "a.b", "1", `{ "a":{"b":1}}`}, {`[1,2]`, "2", "3", `[1,2,3]`},
		{`[1,2]`, "3", "3", "!none"}, {`[1,2]`, "0", "", "[2]"}, {`[1,2]`, "1", "", "[1]"}, {`{"a":1 , "b":2}`, "b", "", `{"a":1 }`}, {`{"a":1 , "b":2}`, "a", "", `{ "b":2}`},
		{`{"a":1}`, "a", "{", "!invalid"}, {`{"a":1}`, "a.b", "1", "!none"}, {`{"a":1}`, "c", "", `{"a":1}`}, {`1`, "", "[]", "[]"}, {` [ ] `, "0", "1", " [ 1] "},
	} {
		if got := d.record(655, true, c.doc, c.path, c.value); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	const xml = `<?xml version="1.0"?><m a="0"><s i="1">x<b/>y</s><s i="2">&lt;<![CDATA[z]]></s><o><s>no</s></o></m>`
	for path, want := range map[string]string{
		"m/s": "xy", "m/s[2]": "<z", "/m/s[2]/@i": "2", "m/@a": "0", "m/@b": "!none", "m/s[3]": "!none", "*/o/s": "no", "m/*[3]": "no", "m//s": "!invalid", "": "!invalid", "m/s[0]": "!invalid", "@a": "!invalid",
	} {
		if got := d.text(661, xml, path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if d.num(662, xml, "m/s") != 2 || d.num(662, xml, "m/o/s") != 1 || d.num(662, xml, "m/x") != 0 || d.num(662, "<a>", "a") != errInvalid {
		t.Error("count of XML")
	}
	bomb := `<!DOCTYPE a [<!ENTITY x "xxxx"><!ENTITY y "&x;&x;">]><a>&y;</a>`
	for text, want := range map[string]int64{xml: 1, "<a/>": 1, "<a></b>": 0, "<a/><b/>": 0, "x<a/>": 0, "": 0, bomb: 0, strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300): 0} {
		if got := d.num(660, text); got != want {
			t.Errorf("%.20q valid: %d", text, got)
		}
	}
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCryptoCalls(t *testing.T) {
	d, _ := sit(t)
	// RFC 4231 test case 2, RFC 2202 test case 2.
	for algorithm, want := range map[int]string{
		256: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		384: "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
		512: "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
		1:   "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
	} {
		if got := d.text(690, algorithm, "Jefe", "what do ya want for nothing?"); got != unhex(t, want) {
			t.Errorf("HMAC %d: %x", algorithm, got)
		}
	}
	for algorithm, want := range map[int]string{
		1: "a9993e364706816aba3e25717850c26c9cd0d89d", 5: "900150983cd24fb0d6963f7d28e17f72",
		256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	} {
		if got := d.text(694, algorithm, "abc"); got != unhex(t, want) {
			t.Errorf("digest %d: %x", algorithm, got)
		}
	}
	if d.text(694, 2, "abc") != "!invalid" || d.text(690, 5, "k", "d") != "!invalid" {
		t.Error("unknown algorithms")
	}
	// NIST GCM, test case 4 of the specification.
	key, nonce := unhex(t, "feffe9928665731c6d6a8f9467308308"), unhex(t, "cafebabefacedbaddecaf888")
	plain := unhex(t, "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
	extra := unhex(t, "feedfacedeadbeeffeedfacedeadbeefabaddad2")
	sealed := unhex(t, "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47")
	if got := d.record(692, true, key, nonce, plain, extra); got != sealed {
		t.Errorf("sealed %x", got)
	}
	if got := d.record(693, true, key, nonce, sealed, extra); got != plain {
		t.Errorf("opened %x", got)
	}
	for _, c := range [][]any{{key, nonce, sealed[1:], extra}, {key, nonce, sealed, "x"}, {key, nonce, "", extra}} {
		if got := d.record(693, true, c...); got != "!denied" {
			t.Errorf("%x", got)
		}
	}
	if d.record(692, true, key[1:], nonce, "", "") != "!invalid" || d.record(692, true, key, nonce[1:], "", "") != "!invalid" {
		t.Error("keys and nonces")
	}
	// RFC 8032 §7.1, test 2.
	public, signature := unhex(t, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
		unhex(t, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
	if d.record(691, false, 0, public, "r", signature) != "1" || d.record(691, false, 0, public, "s", signature) != "0" ||
		d.record(691, false, 1, public, "r", signature) != "!invalid" || d.record(691, false, 9, public, "r", signature) != "!invalid" ||
		d.record(691, false, 0, "no key", "r", signature) != "!invalid" {
		t.Error("Ed25519")
	}
}

func TestTokenCalls(t *testing.T) {
	d, _ := sit(t)
	// RFC 7515 §A.1: a token that expired in 2011.
	const token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	const jwk = `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`
	// RFC 7515 §A.3's key, whose token has the same claims.
	const es = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	const esKey = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	none := "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ."
	for _, c := range []struct{ token, key, algorithms, want string }{
		{token, jwk, "HS256", "!time"}, {token, jwk, "RS256 ES256", "!denied"}, {token, jwk, "", "!invalid"}, {token, jwk, "none", "!invalid"},
		{token, jwk, "HS256 none", "!invalid"}, {token + "x", jwk, "HS256", "!denied"}, {token[:len(token)-3] + "AAA", jwk, "HS256", "!denied"}, {"a.b.c", jwk, "HS256", "!invalid"},
		{none, jwk, "HS256", "!denied"}, {es, esKey, "ES256", "!time"}, {es, `{"keys":[` + jwk + "," + esKey + `]}`, "ES256", "!time"}, {es, jwk, "ES256", "!denied"},
		{es, "short", "ES256", "!invalid"}, {token, esKey, "HS256 ES256", "!denied"},
	} {
		if got := d.record(695, true, c.token, c.key, c.algorithms); got != c.want {
			t.Errorf("%.12s… %.20s %q: %q, want %q", c.token, c.key, c.algorithms, got, c.want)
		}
	}
}

func TestLogCalls(t *testing.T) {
	d, _ := sit(t)
	var n Notes
	d.v.bench.notes = &n
	if d.num(553, "user", "ann") != 0 || d.num(553, "user", "bob") != 0 || d.num(553, "bad name", "x") != errInvalid || d.num(553, "x", strings.Repeat("x", 257)) != errLimit {
		t.Error("fields")
	}
	for i := range 15 {
		d.num(553, "f"+string(rune('a'+i)), "1")
	}
	if d.num(553, "one-more", "1") != errLimit || n.Fields() != 16 {
		t.Error("a 17th field:", n.Fields())
	}
	if name, value := n.Field(0); string(name) != "user" || string(value) != "bob" {
		t.Errorf("%s %s", name, value)
	}
	span := d.num(555, "parse")
	if span != 0 || d.num(556, int(span)) != 0 || d.num(556, int(span)) != errNone || d.num(556, 99) != errNone || n.Spans() != 1 {
		t.Error("spans")
	}
	if d.num(554, "hits", 2) != 0 || d.num(554, "hits", 3) != 0 || d.num(554, "hits", -1) != errInvalid {
		t.Error("counters")
	}
	if got := d.v.image.stats.custom.sets["hits"].Value(0); got != 5 {
		t.Error(got)
	}
	for i := range maxCustom {
		d.num(554, "c"+string(rune('A'+i%26))+string(rune('A'+i/26)), 1)
	}
	if d.num(554, "too-many", 1) != errLimit {
		t.Error("a 65th counter")
	}
	if d.num(557, 2, "careful") != 7 || d.num(557, 4, "x") != errInvalid {
		t.Error("levels")
	}
	limited := false
	for range 3 * linesPerSec {
		limited = limited || d.num(557, 0, "flood") == errLimit
	}
	if !limited {
		t.Error("a flood of lines is not limited")
	}
}

func TestTimeCalls(t *testing.T) {
	d, _ := sit(t)
	at, _ := d.put(strings.Repeat("\x00", 16))
	before := time.Now().Add(-time.Millisecond)
	if d.num(550, at) != 0 {
		t.Fatal("now")
	}
	b, _ := d.v.buffer(at, 16)
	got := time.Unix(int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:])))
	if got.Before(before) || got.After(time.Now()) || got.Nanosecond()%16000 != 0 {
		t.Error(got)
	}
	d.num(551, at)
	if b, _ := d.v.buffer(at, 8); binary.LittleEndian.Uint64(b)%16000 != 0 {
		t.Error("monotonic clock is too fine")
	}
	if d.num(552, at, 16) != 16 || d.num(552, at, 4097) != errLimit || d.num(552, at, 0) != 0 {
		t.Error("random")
	}
}

// rack is a cache for values.
type rack map[string]string

func (s rack) Get(tenant string, key, dst []byte) ([]byte, bool) {
	v, ok := s[tenant+"/"+string(key)]
	return append(dst, v...), ok
}

func (s rack) Put(tenant string, key, value []byte, _, _ time.Duration, _ [][]byte) bool {
	s[tenant+"/"+string(key)] = string(value)
	return true
}

func (s rack) Delete(tenant string, key []byte) bool {
	delete(s, tenant+"/"+string(key))
	return true
}

func TestObjectCalls(t *testing.T) {
	d, _ := sit(t)
	if d.text(670, "k") != "!none" || d.record(671, false, "k", "v", 1000, 0, "") != "!failed" || d.num(672, "k") != errFailed {
		t.Error("without a cache")
	}
	d.v.image.objects = rack{}
	if d.text(670, "k") != "!none" || d.record(671, false, "k", "value", 1000, 0, "a b") != "0" || d.text(670, "k") != "value" || d.num(672, "k") != 0 || d.text(670, "k") != "!none" {
		t.Error("put, get, delete")
	}
	if d.text(670, "") != "!invalid" || d.text(670, strings.Repeat("k", 1025)) != "!invalid" || d.record(671, false, "k", "v", -1, 0, "") != "!invalid" ||
		d.record(671, false, "k", "v", 1, 0, strings.Repeat("x", 300)) != "!invalid" || d.record(671, false, "k", "v", 1, 0, strings.Repeat("x ", 65)) != "!invalid" {
		t.Error("bounds")
	}
}

func TestRegexCalls(t *testing.T) {
	d, _ := sit(t)
	linear, back := d.num(531, "(a+)(z)?b"), d.num(531, `(\w)\1(?=!)`)
	if d.num(712, int(linear)) != 0 || d.num(712, int(back)) != 1 || d.num(712, 63) != errNone {
		t.Error("info")
	}
	if d.num(532, int(back), "xx!") != 1 || d.num(532, int(back), "xx") != 0 {
		t.Error("match")
	}
	at := d.at
	d.at += 64
	if n := d.num(711, int(linear), "caab", at, 8); n != 3 {
		t.Error(n)
	}
	b, _ := d.v.buffer(at, 24)
	for i, want := range []int32{1, 4, 1, 3, -1, -1} {
		if got := int32(binary.LittleEndian.Uint32(b[4*i:])); got != want {
			t.Errorf("group offset %d is %d, want %d", i, got, want)
		}
	}
	if d.num(711, int(linear), "x", at, 8) != 0 || d.num(711, int(linear), "ab", at, 1) != 1 {
		t.Error("groups")
	}
	if _, err := d.raw(711, 62, "x", at, 8); err == nil {
		t.Error("an unknown handle is accepted")
	}
	for _, list := range [][]string{d.v.image.stats.fellBack()} {
		if len(list) != 1 || !strings.Contains(list[0], "look-ahead") {
			t.Errorf("%q", list)
		}
	}
	// A pattern that would take for ever ends with the budget.
	slow := d.num(531, `(?=(a*)*)(?:a|aa)+\1b`)
	d.v.limit = d.v.m.Instret + 20_000_000
	_, err := d.raw(532, int(slow), strings.Repeat("a", 60))
	if trap, ok := err.(*trap); !ok || trap.cause != "guest-budget" {
		t.Error(err)
	}
	if over := int64(d.v.m.Instret - d.v.limit); over > 1_000_000 {
		t.Errorf("%d instructions more than there were", over)
	}
	for range 100 {
		d.v.limit = d.v.m.Instret + 1<<40
		if _, err := d.raw(531, strings.Repeat("x", len(d.v.regexes)+1)); err != nil {
			break
		}
	}
	if len(d.v.regexes) != maxRegexes {
		t.Error(len(d.v.regexes))
	}
}

// TestCheapCallsAllocateNothing holds the helpers that programs use for every
// request to that.
func TestCheapCallsAllocateNothing(t *testing.T) {
	d, _ := sit(t)
	d.v.pace = pacer{v: d.v, ctx: context.Background(), end: 1 << 62}
	name, n := d.put("x-two")
	dst := d.at
	for _, c := range []struct {
		call int
		args [5]uint64
	}{
		{600, [5]uint64{dst, room}}, {603, [5]uint64{dst, room}}, {606, [5]uint64{dst, room}}, {607, [5]uint64{name, n, dst, room}}, {610, [5]uint64{name, n, dst, room}},
		{611, [5]uint64{dst, room}}, {612, [5]uint64{1, dst, room}}, {613, [5]uint64{dst, room}}, {614, [5]uint64{0, name, n, dst, room}}, {617, [5]uint64{0, dst, room}},
	} {
		if got := testing.AllocsPerRun(100, func() {
			copy(d.v.m.X[10:15], c.args[:])
			if err := d.v.dispatch(&d.v.pace, uint64(c.call)); err != nil {
				t.Fatal(err)
			}
		}); got != 0 {
			t.Errorf("call %d allocates %v times", c.call, got)
		}
	}
}
