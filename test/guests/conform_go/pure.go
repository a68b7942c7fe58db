package main

import (
	"bytes"
	"encoding/hex"
	"time"
	"unsafe"

	fishplate "fishplate.dev/sdk/go"
)

// Compiled in main, once.
var words, backward fishplate.Regex

const secret = "a secret of at least thirty-two bytes"

func is2[T string | []byte](f func() (T, error), want T) {
	got, err := f()
	is(got, err, want)
}

func texts() {
	is2(func() (string, error) { return fishplate.Base64Encode(0, []byte("hi?>?")) }, "aGk/Pj8=")
	is2(func() (string, error) {
		return fishplate.Base64Encode(fishplate.Base64URL|fishplate.Base64Bare, []byte("hi?>?"))
	}, "aGk_Pj8")
	is2(func() ([]byte, error) { return fishplate.Base64Decode(0, "aGk/Pj8=") }, []byte("hi?>?"))
	_, err := fishplate.Base64Decode(0, "a?")
	none(0, err, fishplate.ErrInvalid)
	check(fishplate.LastError() != "", "no reason")
	is2(func() (string, error) { return fishplate.PercentEncode(0, "a b/c") }, "a%20b%2Fc")
	is2(func() (string, error) { return fishplate.PercentDecode(fishplate.PercentForm, "a+b") }, "a b")
	is2(func() (string, error) { return fishplate.HexEncode(fishplate.HexUpper, []byte("\xff\x10")) }, "FF10")
	is2(func() ([]byte, error) { return fishplate.HexDecode("ff10") }, []byte("\xff\x10"))
	long, err := fishplate.HexEncode(0, bytes.Repeat([]byte("a"), 500)) // more than the first try has room for
	check(err == nil && len(long) == 1000, "a long text")

	const j, x = `{"a":{"b":[1,"two",null]}}`, `<r><e id="1">one</e><e>two</e></r>`
	check(fishplate.JSONValid(j) && !fishplate.JSONValid("{"), "JSON")
	is2(func() (string, error) { return fishplate.JSONGet(j, "a.b.1") }, "two")
	_, err = fishplate.JSONGet(j, "a.c")
	none(0, err, fishplate.ErrNone)
	kind, err := fishplate.JSONTypeOf(j, "a.b")
	is(kind, err, fishplate.JSONArray)
	n, err := fishplate.JSONCount(j, "a.b")
	is(n, err, 3)
	is2(func() (string, error) { return fishplate.JSONQuote(`a"b`) }, `"a\"b"`)
	is2(func() (string, error) { return fishplate.JSONSet(`{"a":1}`, "a", "2") }, `{"a":2}`)
	check(fishplate.XMLValid(x) && !fishplate.XMLValid("<r>"), "XML")
	is2(func() (string, error) { return fishplate.XMLGet(x, "r/e[2]") }, "two")
	n, err = fishplate.XMLCount(x, "r/e")
	is(n, err, 2)
	is2(func() (string, error) { return fishplate.XMLEscape("a<b") }, "a&lt;b")

	check(words.Match("to be") && !words.Match("2") && !words.Backtracks(), "words")
	check(backward.Backtracks() && backward.Match("abab"), "backward")
	is2(func() (string, error) { return words.Replace("to be", `\2 \1`, false) }, "be to")
	g := words.Groups("1 to be")
	check(len(g) == 3 && g[0] == [2]int32{2, 7} && g[2] == [2]int32{5, 7}, "groups")
	check(words.Groups("1") == nil, "groups of nothing")
	fishplate.Compile("other").Free()
	check(fishplate.Glob("*.jpg", "a.jpg") && !fishplate.Glob("*.jpg", "a.gif"), "glob")
}

func secrets() {
	d, err := fishplate.Digest(fishplate.SHA256, []byte("abc"))
	check(err == nil && hex.EncodeToString(d)[:8] == "ba7816bf", "SHA-256")
	_, err = fishplate.Digest(3, nil)
	none(0, err, fishplate.ErrInvalid)
	m, err := fishplate.HMAC(fishplate.SHA256, []byte("Jefe"), []byte("what do ya want for nothing?"))
	check(err == nil && hex.EncodeToString(m)[:8] == "5bdcc146", "HMAC")
	key, nonce := []byte("sixteen byte key"), []byte("twelve bytes")
	s, err := fishplate.Seal(key, nonce, []byte("text"), []byte("more"))
	check(err == nil && len(s) == 20, "seal")
	is2(func() ([]byte, error) { return fishplate.Open(key, nonce, s, []byte("more")) }, []byte("text"))
	_, err = fishplate.Open(key, nonce, s, []byte("less"))
	none(0, err, fishplate.ErrDenied)
	ok, err := fishplate.Verify(fishplate.Ed25519, bytes.Repeat([]byte("k"), 32), []byte("data"), bytes.Repeat([]byte("s"), 64))
	is(ok, err, false)
	bare := fishplate.Base64URL | fishplate.Base64Bare
	head, _ := fishplate.Base64Encode(bare, []byte(`{"alg":"HS256"}`))
	claims, _ := fishplate.Base64Encode(bare, []byte(`{"sub":"7"}`))
	mac, _ := fishplate.HMAC(fishplate.SHA256, []byte(secret), []byte(head+"."+claims))
	tail, _ := fishplate.Base64Encode(bare, mac)
	token := head + "." + claims + "." + tail
	is2(func() (string, error) { return fishplate.JWTVerify(token, secret, "HS256") }, `{"sub":"7"}`)
	_, err = fishplate.JWTVerify(token, secret+"?", "HS256")
	none(0, err, fishplate.ErrDenied)
}

func telling() {
	check(fishplate.Now().Unix() > 1_700_000_000 && fishplate.Monotonic() > 0, "time")
	check(time.Now().Sub(fishplate.Now()).Abs() < time.Hour, "the program's time")
	a, b := make([]byte, 8), make([]byte, 8)
	good(fishplate.Random(a))
	good(fishplate.Random(b))
	check(!bytes.Equal(a, b), "chance")
	none(0, fishplate.Random(make([]byte, 5000)), fishplate.ErrLimit)
	fishplate.Print("printed 1\n")
	fishplate.Log("logged 2")
	good(fishplate.LogLevel(fishplate.Warning, "warned"))
	good(fishplate.LogField("flavour", "sour"))
	none(0, fishplate.LogField("no token", "x"), fishplate.ErrInvalid)
	good(fishplate.CounterAdd("conform_checks", 3))
	s, err := fishplate.BeginSpan("conforming")
	good(err)
	good(s.End())
	fishplate.Breakpoint()
	eq(fishplate.Revision(), fishplate.ABIRevision)
	check(!fishplate.IsStorage(), "storage")
}

// raw makes the calls that have no function: those for C, and for libvmod-riscv's
// programs.
func raw() {
	at := func(s string) unsafe.Pointer { return unsafe.Pointer(unsafe.StringData(s)) }
	text := "native\x00"
	var out [64]byte
	p := fishplate.Call(fishplate.NativeMalloc, 10)
	q := fishplate.Call(fishplate.NativeCalloc, 2, 8)
	p = fishplate.Call(fishplate.NativeRealloc, uintptr(p), 100)
	check(p != 0 && q != 0, "the native heap")
	eq(fishplate.Call(fishplate.NativeMeminfo, uintptr(unsafe.Pointer(&out))), 0)
	fishplate.Call(fishplate.NativeMemcpy, uintptr(p), uintptr(at(text)), 7)
	fishplate.Call(fishplate.NativeMemmove, uintptr(p)+1, uintptr(p), 7)
	eq(fishplate.Call(fishplate.NativeMemcmp, uintptr(p), uintptr(at("nnative\x00")), 8), 0)
	eq(fishplate.Call(fishplate.NativeStrlen, uintptr(p)), 7)
	eq(fishplate.Call(fishplate.NativeStrncmp, uintptr(p), uintptr(at("nnaughty\x00")), 3), 0)
	fishplate.Call(fishplate.NativeMemset, uintptr(p), 0, 7)
	eq(fishplate.Call(fishplate.NativeStrlen, uintptr(p)), 0)
	fishplate.Call(fishplate.NativeFree, uintptr(p))
	fishplate.Call(fishplate.NativeFree, uintptr(q))
	eq(fishplate.Call(fishplate.NativeReserved), -1)
	fishplate.Call(fishplate.NativeBacktrace)
	fishplate.Call(fishplate.SysSignal, 0, 0)
	eq(fishplate.Call(fishplate.SysFieldGet), -1)
	eq(fishplate.Call(fishplate.SysSHA256, uintptr(at("abc")), 3, uintptr(unsafe.Pointer(&out)), 32), 32)
	eq(hex.EncodeToString(out[:4]), "ba7816bf")
	eq(fishplate.Call(fishplate.SysBase64Decode, uintptr(at("aGk/")), 4, uintptr(unsafe.Pointer(&out)), 8), 3)
	eq(string(out[:3]), "hi?")
}

func pure() {
	texts()
	secrets()
	telling()
	raw()
}
