package text

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"fishplate/internal/message"
	"fishplate/internal/model"
)

// FuzzTexts gives the readers and writers of texts whatever a guest may: what is
// written is read back, and no reader goes beyond its text.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{"a=1&b=%20+x&a=%zz", "/a/b%2fc//", "aGVsbG8=", "<a b=\"'\">&\x00\xff", "*[!a-z]?\\", "50%", ""} {
		f.Add([]byte(s), []byte("a"), uint8(0))
		f.Add([]byte("a"), []byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, src, other []byte, flags uint8) {
		if back, ok := UnBase64(nil, AppendBase64(nil, src, uint64(flags%4)), uint64(flags%4)); !ok || !bytes.Equal(back, src) {
			t.Errorf("base64 of %q comes back as %q", src, back)
		}
		if back, ok := UnHex(nil, AppendHex(nil, src, flags&1 != 0)); !ok || !bytes.Equal(back, src) {
			t.Errorf("hexadecimal of %q comes back as %q", src, back)
		}
		if back, ok := UnPercent(nil, AppendPercent(nil, src, flags&1 != 0), flags&1 != 0); !ok || !bytes.Equal(back, src) {
			t.Errorf("percent-coding of %q comes back as %q", src, back)
		}
		query, _ := EditQuery(nil, 0, src, other, src, true)
		if got, ok := QueryValue(nil, query, other); !ok && len(other) > 0 || ok && !bytes.Equal(got, src) {
			t.Errorf("parameter %q of %q is %q, want %q", other, query, got, src)
		}
		if gone, _ := EditQuery(nil, 0, query, other, nil, false); len(other) > 0 {
			if _, ok := QueryValue(nil, gone, other); ok {
				t.Errorf("parameter %q is still in %q", other, gone)
			}
		}
		for i := range 4 {
			PathSegment(nil, src, i-2)
		}
		stop, steps := errors.New("stop"), 0
		if _, _, err := Glob(src, other, func(n int) error {
			if steps += n; steps > 1<<20 {
				return stop
			}
			return nil
		}); err != nil && err != stop {
			t.Error(err)
		}
		if ban, err := Ban(string(src)); err == nil && len(src) > 0 && ban == "" {
			t.Errorf("%q becomes a ban of everything", src)
		}
		_ = message.ValidValue(src)
	})
}

// FuzzExpressions compiles whatever a guest may and searches: the program is
// bounded, and so is the work.
func FuzzExpressions(f *testing.F) {
	for _, s := range []string{`(a+)\1`, `(?:a?){300}b`, `(?i)[\pL&&\d]{2,5}`, `(?<=x)y|^$`, `\b(\w+)\b`, `((a{10}){10}){10}`, "\xff("} {
		f.Add(s, []byte("aaaa xy \xff word"), []byte(`<\0\1\9>`))
	}
	f.Fuzz(func(t *testing.T, source string, b, by []byte) {
		if len(source) > 512 || len(b) > 1<<12 || len(by) > 256 {
			return
		}
		p, err := compile(source)
		if err != nil {
			return
		}
		if p.Size() > 2*model.MaxPattern {
			t.Errorf("%q is a program of %d instructions", source, p.Size())
		}
		steps, stop := 0, errors.New("stop")
		work := func(n int) error {
			if steps += n; steps > 1<<18 {
				return stop
			}
			return nil
		}
		found, err := p.Match(b, work)
		at, err2 := p.Find(b, work)
		if err == nil && err2 == nil && found != (at != nil) {
			t.Errorf("%q in %q: found %v, at %v", source, b, found, at)
		}
		if len(at) > 0 && (at[0] < 0 || at[1] > len(b) || at[0] > at[1]) {
			t.Errorf("%q in %q: at %v", source, b, at)
		}
		if _, _, err := Substitute(p, b, by, true, work, work); err != nil && err != stop && !strings.Contains(err.Error(), "come back") && err != errLarge {
			t.Errorf("%q in %q: %v", source, b, err)
		}
	})
}
