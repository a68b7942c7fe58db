package encode

import (
	"testing"

	"fishplate/internal/message"
)

func answer(status int, fields ...string) *message.Response {
	r := &message.Response{Status: status}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

// types are media types that compress well, as an operator names them.
func types() []string {
	return []string{"text/*", "application/json", "image/svg+xml", "+json", "+xml"}
}

func TestJudge(t *testing.T) {
	p := Policy{Types: types(), Codings: ours(), Min: 1000}
	html := []string{"Content-Type", "text/html; charset=utf-8"}
	with := func(more ...string) []string { return append(append([]string{}, html...), more...) }
	tests := []struct {
		status int
		fields []string
		length int64
		want   Reason
	}{
		{200, html, 1000, Worth},
		{200, html, -1, Worth},
		{200, html, 999, TooSmall},
		{404, html, 5000, Worth},
		{206, html, 5000, BadStatus},
		{204, html, 0, BadStatus},
		{304, html, 0, BadStatus},
		{200, with("Content-Range", "bytes 0-1/2"), 5000, BadStatus},
		{200, with("Content-Encoding", "gzip"), 5000, HasCoding},
		{200, with("Content-Encoding", "identity"), 5000, Worth},
		{200, with("Content-Encoding", "dcb"), 5000, HasCoding},
		{200, with("Cache-Control", "max-age=5, No-Transform"), 5000, NoTransform},
		{200, with("Cache-Control", "max-age=5", "Cache-Control", "no-transform"), 5000, NoTransform},
		{200, with("Cache-Control", "no-transformers"), 5000, Worth},
		{200, with("Repr-Digest", "sha-256=:AA==:"), 5000, HasDigest},
		{200, nil, 5000, BadType},
		{200, []string{"Content-Type", "image/png"}, 5000, BadType},
		{200, []string{"Content-Type", "TEXT/CSS"}, 5000, Worth},
		{200, []string{"Content-Type", "application/problem+json;x=y"}, 5000, Worth},
		{200, []string{"Content-Type", "application/json5"}, 5000, BadType},
		{200, []string{"Content-Type", "text"}, 5000, BadType},
	}
	for _, tt := range tests {
		if got := p.Judge(answer(tt.status, tt.fields...), tt.length); got != tt.want {
			t.Errorf("%d %q of %d bytes: %v, want %v", tt.status, tt.fields, tt.length, got, tt.want)
		}
	}
	every := Policy{Types: []string{"*/*"}}
	if got := every.Judge(answer(200, "Content-Type", "x/y"), 0); got != Worth {
		t.Error(got)
	}
}

func TestCodingOf(t *testing.T) {
	for _, tt := range []struct {
		fields []string
		want   Coding
	}{
		{nil, Identity},
		{[]string{"Content-Encoding", ""}, Identity},
		{[]string{"Content-Encoding", "X-Gzip"}, Gzip},
		{[]string{"Content-Encoding", "br"}, Brotli},
		{[]string{"Content-Encoding", "gzip, br"}, Other},
		{[]string{"Content-Encoding", "gzip", "Content-Encoding", "br"}, Other},
	} {
		if got := CodingOf(&answer(200, tt.fields...).Header); got != tt.want {
			t.Errorf("%q: %v, want %v", tt.fields, got, tt.want)
		}
	}
}

func TestTags(t *testing.T) {
	for _, tt := range []struct{ tag, stored, weak string }{
		{`"abc"`, `"abc--br"`, `W/"abc"`},
		{`""`, `"--br"`, `W/""`},
		{`W/"abc"`, `W/"abc"`, `W/"abc"`},
		{`abc`, `abc`, `abc`},
		{`"`, `"`, `"`},
	} {
		got := string(AppendTag(nil, []byte(tt.tag), Brotli))
		if got != tt.stored {
			t.Errorf("variant of %s: %s, want %s", tt.tag, got, tt.stored)
		}
		if weak := string(AppendWeakTag(nil, []byte(tt.tag))); weak != tt.weak {
			t.Errorf("coded on the way, %s: %s, want %s", tt.tag, weak, tt.weak)
		}
	}
	if got := string(AppendTag(nil, []byte(`"a"`), Identity)); got != `"a--identity"` {
		t.Error(got)
	}
}

func TestAddVary(t *testing.T) {
	for _, tt := range []struct {
		fields []string
		want   []string
	}{
		{nil, []string{"Accept-Encoding"}},
		{[]string{"Vary", ""}, []string{"Accept-Encoding"}},
		{[]string{"Vary", "Cookie"}, []string{"Cookie, Accept-Encoding"}},
		{[]string{"Vary", "cookie , accept-encoding"}, []string{"cookie , accept-encoding"}},
		{[]string{"Vary", "Cookie", "Vary", "Accept-Encoding"}, []string{"Cookie", "Accept-Encoding"}},
		{[]string{"Vary", "*"}, []string{"*"}},
	} {
		h := &answer(200, tt.fields...).Header
		AddVary(h)
		var got []string
		for i := range h.Len() {
			got = append(got, string(h.Value(i)))
		}
		if len(got) != len(tt.want) || got[0] != tt.want[0] {
			t.Errorf("%q: %q, want %q", tt.fields, got, tt.want)
		}
	}
}

func TestDescribe(t *testing.T) {
	r := answer(200, "ETag", `"a"`, "Content-Length", "900", "Accept-Ranges", "bytes")
	Describe(r, Zstd, 300, true, nil)
	tag, _ := r.Header.GetID(message.ETag)
	if string(tag) != `"a--zstd"` || CodingOf(&r.Header) != Zstd || r.Length != 300 || r.Framing != message.Length {
		t.Errorf("stored variant: %s, %v, %d", tag, CodingOf(&r.Header), r.Length)
	}
	if r.Header.Find("Content-Length") >= 0 || r.Header.Find("Accept-Ranges") < 0 {
		t.Error("fields of a stored variant")
	}
	r = answer(200, "ETag", `"a"`, "Content-Length", "900", "Accept-Ranges", "bytes")
	Describe(r, Gzip, -1, false, nil)
	tag, _ = r.Header.GetID(message.ETag)
	if string(tag) != `W/"a"` || r.Framing != message.Chunked || r.Header.Find("Accept-Ranges") >= 0 {
		t.Errorf("coded on the way: %s, %v", tag, r.Framing)
	}
	r = answer(200, "ETag", `"a"`, "Content-Encoding", "gzip")
	Describe(r, Identity, 900, true, nil)
	tag, _ = r.Header.GetID(message.ETag)
	vary, _ := r.Header.GetID(message.Vary)
	if string(tag) != `"a--identity"` || string(vary) != "Accept-Encoding" || CodingOf(&r.Header) != Identity {
		t.Errorf("identity: %s, %s", tag, vary)
	}
}

func TestJudgeAllocates(t *testing.T) {
	p := Policy{Types: types(), Codings: ours(), Min: 1}
	r := answer(200, "Content-Type", "application/xml", "Cache-Control", "max-age=60, public")
	if n := testing.AllocsPerRun(100, func() { p.Judge(r, 100) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
