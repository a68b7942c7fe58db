package encode

import (
	"testing"

	"fishplate/internal/message"
)

func accepting(values ...string) *message.Header {
	var h message.Header
	for _, v := range values {
		h.Add("Accept-Encoding", v)
	}
	return &h
}

func ours() []Coding { return []Coding{Brotli, Zstd, Gzip} }

// TestChoose follows RFC 9110 §12.5.3; the examples of that section are first.
func TestChoose(t *testing.T) {
	tests := []struct {
		fields []string
		want   Coding
		ok     bool
	}{
		{[]string{"compress, gzip"}, Gzip, true},
		{[]string{""}, Identity, true},
		{[]string{"*"}, Brotli, true},
		{[]string{"compress;q=0.5, gzip;q=1.0"}, Gzip, true},
		{[]string{"gzip;q=1.0, identity; q=0.5, *;q=0"}, Gzip, true},
		{nil, Identity, true},
		{[]string{"gzip, deflate, br, zstd"}, Brotli, true},
		{[]string{"gzip, deflate", "zstd"}, Zstd, true},
		{[]string{"br;q=0.1, gzip;q=0.2"}, Gzip, true},
		{[]string{"gzip;q=0"}, Identity, true},
		{[]string{"identity"}, Identity, true},
		{[]string{"identity, gzip;q=0.5"}, Identity, true},
		{[]string{"identity, gzip"}, Gzip, true},
		{[]string{"identity;q=0, gzip;q=0.001"}, Gzip, true},
		{[]string{"*;q=0"}, Identity, false},
		{[]string{"identity;q=0"}, Identity, false},
		{[]string{"identity;q=0, *"}, Brotli, true},
		{[]string{"*;q=0.5, br;q=0"}, Zstd, true},
		{[]string{"x-gzip"}, Gzip, true},
		{[]string{"GZIP;Q=0.3"}, Gzip, true},
		{[]string{"gzip, gzip;q=0"}, Identity, true},
		{[]string{"gzip;q=2"}, Identity, true},
		{[]string{"gzip;q=1.001, br;q=0.0001, zstd;q"}, Identity, true},
		{[]string{"gzip;level=9"}, Identity, true},
		{[]string{"gzip ; q=0.5 ,, "}, Gzip, true},
		{[]string{"deflate"}, Identity, true},
	}
	for _, tt := range tests {
		a := ParseAccept(accepting(tt.fields...))
		if got, ok := a.Choose(ours()); got != tt.want || ok != tt.ok {
			t.Errorf("%q: %v, %v; want %v, %v", tt.fields, got, ok, tt.want, tt.ok)
		}
	}
}

func TestTakes(t *testing.T) {
	tests := []struct {
		fields []string
		coding Coding
		want   bool
	}{
		{nil, Gzip, true},
		{nil, Other, true},
		{[]string{"gzip"}, Gzip, true},
		{[]string{"gzip"}, Brotli, false},
		{[]string{"gzip"}, Identity, true},
		{[]string{"gzip"}, Other, true},
		{[]string{"gzip, *;q=0"}, Other, false},
		{[]string{"identity;q=0"}, Identity, false},
	}
	for _, tt := range tests {
		a := ParseAccept(accepting(tt.fields...))
		if got := a.Takes(tt.coding); got != tt.want {
			t.Errorf("%q takes %v: %v, want %v", tt.fields, tt.coding, got, tt.want)
		}
	}
}

func FuzzAccept(f *testing.F) {
	for _, s := range []string{"gzip;q=1.0, identity; q=0.5, *;q=0", "br", ";;;q=", "*;q=1.", "gzip;q=0.123"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := ParseAccept(accepting(s))
		c, ok := a.Choose(ours())
		if ok && a.Weight(c) == 0 || !ok && c != Identity {
			t.Fatalf("%q: chose %v at weight %d, %v", s, c, a.Weight(c), ok)
		}
		for _, other := range ours() {
			if w := a.Weight(other); w < 0 || w > 1000 || ok && w > a.Weight(c) {
				t.Fatalf("%q: %v has weight %d, and %v was chosen", s, other, w, c)
			}
		}
	})
}

func TestAcceptAllocates(t *testing.T) {
	h, offer := accepting("gzip, deflate, br;q=0.9, zstd"), ours()
	if n := testing.AllocsPerRun(100, func() {
		a := ParseAccept(h)
		a.Choose(offer)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkAccept(b *testing.B) {
	h, offer := accepting("gzip, deflate, br, zstd"), ours()
	b.ReportAllocs()
	for b.Loop() {
		a := ParseAccept(h)
		a.Choose(offer)
	}
}
