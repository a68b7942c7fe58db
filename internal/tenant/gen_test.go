package tenant

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write generated files")

// TestGenerated keeps the SDKs' numbers and docs/reference/abi.md equal to the table.
func TestGenerated(t *testing.T) {
	for path, write := range map[string]func(*bytes.Buffer) error{
		"../../sdk/abi/abi.h":         func(b *bytes.Buffer) error { return Header(b) },
		"../../docs/reference/abi.md": func(b *bytes.Buffer) error { return Reference(b) },
		"../../sdk/rust/src/abi.rs":   rustNumbers,
		"../../sdk/go/abi.go":         goNumbers,
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(have, b.Bytes()) {
			t.Errorf("%s is not what the table says (go test ./internal/tenant -run Generated -update): %v", path, err)
		}
	}
}

func TestTableIsSound(t *testing.T) {
	seen := map[int]string{}
	for _, c := range Calls() {
		if other, dup := seen[c.Number]; dup {
			t.Errorf("call %d is both %s and %s", c.Number, c.Name, other)
		}
		seen[c.Number] = c.Name
		if c.fn == nil || c.Name == "" || c.Doc == "" && c.Args+c.Result+c.Errors == "" {
			t.Errorf("call %d %s is not described", c.Number, c.Name)
		}
	}
}

// numbers calls each with the numbers that the SDKs share, in the order of
// abi.h: names without the prefix FP_.
func numbers(each func(name string, n int64)) {
	each("ABI_REVISION", revision)
	for _, g := range groups() {
		for _, c := range g.calls {
			each(g.prefix+"_"+c.Name, int64(c.Number))
		}
	}
	list := func(prefix string, first, step int64, names ...string) {
		for i, n := range names {
			each(prefix+n, first+step*int64(i))
		}
	}
	list("", 0, 1, "REQ", "REQ_TOP", "RESP", "OBJ", "BEREQ", "BERESP")
	list("E_", -1, -1, "NONE", "INVALID", "LIMIT", "TIME", "FAILED", "DENIED", "CONFLICT", "STAGE")
	each("INVALID", 0xFFFF_FFFF)
	list("LINE_", 0, 1, "METHOD", "URL", "PROTOCOL", "STATUS", "REASON")
	each("LINE_FIRST_FIELD", 6)
	list("CALLBACK_", 1, 1, callbackNames()...)
}

// TestNumbersAreThoseOfC: what the other SDKs get is what abi.h has.
func TestNumbersAreThoseOfC(t *testing.T) {
	var b bytes.Buffer
	if err := Header(&b); err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for line := range strings.Lines(b.String()) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "#define" {
			have[strings.TrimPrefix(f[1], "FP_")] = strings.Trim(f[2], "()u")
		}
	}
	numbers(func(name string, n int64) {
		if want := fmt.Sprint(n); have[name] != want && have[name] != fmt.Sprintf("%#X", n) && have[name] != "0xFFFFFFFF" {
			t.Errorf("%s is %s, and %q in abi.h", name, want, have[name])
		}
		delete(have, name)
	})
	if len(have) > 0 {
		t.Errorf("only abi.h has %v", have)
	}
}

func rustNumbers(b *bytes.Buffer) error {
	b.WriteString("//! Numbers of the calls. Generated from the table of host calls; do not edit.\n#![allow(missing_docs)]\n")
	numbers(func(name string, n int64) {
		value := fmt.Sprint(n)
		if n > 1<<31 {
			value = "0xFFFF_FFFF"
		}
		fmt.Fprintf(b, "pub const %s: i64 = %s;\n", name, value)
	})
	return nil
}

// goNumbers leaves out what programs in Go do not call themselves: Linux, which
// their runtime does, and results, lines and callbacks, which have types there.
func goNumbers(b *bytes.Buffer) error {
	b.WriteString("package fishplate\n\n// Numbers of the host's calls, for Call. Generated from the table of host calls; do not edit.\nconst (\n")
	numbers(func(name string, n int64) {
		if strings.HasPrefix(name, "SYS_") || strings.HasPrefix(name, "NATIVE_") || name == "ABI_REVISION" {
			fmt.Fprintf(b, "%s = %d\n", goName(name), n)
		}
	})
	b.WriteString(")\n")
	text, err := format.Source(b.Bytes())
	b.Reset()
	b.Write(text)
	return err
}

// goName writes a name as Go does: SYS_KV_GET is SysKVGet.
func goName(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		switch word {
		case "ABI", "KV", "TLS", "ID", "HTTP", "TTL", "JSON", "XML", "JWT", "HMAC", "AEAD", "SHA256":
			b.WriteString(word)
		default:
			b.WriteString(word[:1] + strings.ToLower(word[1:]))
		}
	}
	return b.String()
}
