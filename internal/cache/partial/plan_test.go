package partial

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fishplate/internal/message"
)

// whole is a body in which every place can be told.
func whole(n int64) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// send builds the body as a sender does.
func send(p *Plan, body []byte) []byte {
	switch p.Kind {
	case Whole:
		return body
	case Single, Multi:
		var out []byte
		for i, r := range p.Ranges {
			out = p.AppendPartHead(out, i)
			out = append(out, body[r.First:r.Last+1]...)
		}
		return p.AppendTail(out)
	}
	return nil
}

func stored(o *Object) *message.Response {
	resp := &message.Response{Status: o.Status, Framing: message.Length, Length: o.Length}
	resp.Add("Content-Type", string(o.Type))
	resp.Add("ETag", string(o.ETag))
	resp.Add("Content-Language", "en")
	resp.Add("Cache-Control", "max-age=9")
	resp.Add("Content-Encoding", "x")
	return resp
}

func TestPlans(t *testing.T) {
	for _, c := range []struct {
		section, method, fields string
		object                  func(*Object)
		kind                    Kind
		length                  int64
		head                    string // status and Content-Range
	}{
		{"no fields", "GET", "", nil, Whole, 1000, "200 "},
		{"15.3.7.1 single", "GET", "Range: bytes=10-19", nil, Single, 10, "206 bytes 10-19/1000"},
		{"15.3.7.2 several ask, one is left", "GET", "Range: bytes=10-19,2000-", nil, Single, 10, "206 bytes 10-19/1000"},
		{"15.3.7.2 several ask, joined", "GET", "Range: bytes=10-19,20-29", nil, Single, 20, "206 bytes 10-29/1000"},
		{"15.5.17", "GET", "Range: bytes=1000-", nil, Beyond, 0, "416 bytes */1000"},
		{"14.2 HEAD has no ranges", "HEAD", "Range: bytes=10-19", nil, Whole, 1000, "200 "},
		{"14.2 HEAD has no 416", "HEAD", "Range: bytes=1000-", nil, Whole, 1000, "200 "},
		{"14.2 nor has POST", "POST", "Range: bytes=10-19", nil, Whole, 1000, "200 "},
		{"14.2 only where a 200 would come", "GET", "Range: bytes=10-19", func(o *Object) { o.Status = 404 }, Whole, 1000, "404 "},
		{"14.2 two lines", "GET", "Range: bytes=10-19\nRange: bytes=20-29", nil, Whole, 1000, "200 "},
		{"14.2 unknown unit", "GET", "Range: lines=1-2", nil, Whole, 1000, "200 "},
		{"length not known", "GET", "Range: bytes=1-2", func(o *Object) { o.Length = -1 }, Whole, -1, "200 "},
		{"13.1.5 holds", "GET", "Range: bytes=10-19\nIf-Range: \"a\"", nil, Single, 10, "206 bytes 10-19/1000"},
		{"13.1.5 does not hold", "GET", "Range: bytes=10-19\nIf-Range: \"b\"", nil, Whole, 1000, "200 "},
		{"13.1.5 does not hold: no 416 either", "GET", "Range: bytes=1000-\nIf-Range: \"b\"", nil, Whole, 1000, "200 "},
		{"13.1.5 If-Range without Range", "GET", "If-Range: \"b\"", nil, Whole, 1000, "200 "},
		{"13.2.2 conditions come before the range", "GET", "Range: bytes=10-19\nIf-None-Match: \"a\"", nil, None, 0, "304 "},
		{"13.2.2 and before 416", "GET", "Range: bytes=1000-\nIf-None-Match: \"a\"", nil, None, 0, "304 "},
		{"13.2.2 step 5", "GET", "Range: bytes=10-19\nIf-None-Match: \"b\"\nIf-Range: \"a\"", nil, Single, 10, "206 bytes 10-19/1000"},
		{"13.1.1", "GET", "If-Match: \"b\"", func(o *Object) { o.Origin = true }, Refused, 0, "412 "},
		{"RFC 9111 4.3.2", "GET", "If-Match: \"b\"", nil, ToOrigin, 0, "200 "},
	} {
		o := page()
		if c.object != nil {
			c.object(&o)
		}
		var fields []string
		if c.fields != "" {
			fields = strings.Split(c.fields, "\n")
		}
		req := ask(c.method, fields...)
		var p Plan
		p.Make(req, Scan(&req.Header), &o)
		resp := stored(&o)
		p.Apply(resp)
		cr, _ := resp.Get("Content-Range")
		if got := fmt.Sprintf("%d %s", resp.Status, cr); p.Kind != c.kind || p.Length != c.length || got != c.head {
			t.Errorf("%s: %v, %d bytes, %s", c.section, p.Kind, p.Length, got)
		}
	}
}

func TestAnswersWithoutBodies(t *testing.T) {
	for kind, want := range map[Kind]string{
		None:    "304\nETag: \"a\"\nCache-Control: max-age=9",
		Refused: "412\nETag: \"a\"\nCache-Control: max-age=9",
		Beyond:  "416\nETag: \"a\"\nCache-Control: max-age=9\nContent-Range: bytes */1000",
	} {
		o := page()
		p := Plan{Kind: kind, total: 1000}
		resp := stored(&o)
		p.Apply(resp)
		if got := fmt.Sprintf("%d\n%s", resp.Status, lines(&resp.Header)); got != want {
			t.Errorf("%v:\n%s", kind, got)
		}
		if (resp.Framing == message.NoBody) != (kind == None) || resp.Length != 0 {
			t.Errorf("%v: framing %d, %d bytes", kind, resp.Framing, resp.Length)
		}
	}
}

// TestMultipart reads what is sent by the standard library's eyes.
func TestMultipart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := page()
		o.Length = rapid.Int64Range(1, 5000).Draw(t, "length")
		o.Type = []byte(rapid.SampledFrom([]string{"", "text/plain", "image/png; a=\"b\""}).Draw(t, "type"))
		n := rapid.IntRange(1, MaxRanges).Draw(t, "ranges")
		var texts []string
		for range n {
			first := rapid.Int64Range(0, o.Length-1).Draw(t, "first")
			texts = append(texts, fmt.Sprintf("%d-%d", first, first+rapid.Int64Range(0, 50).Draw(t, "more")))
		}
		req := ask("GET", "Range: bytes="+strings.Join(texts, ","))
		var p Plan
		p.Make(req, Scan(&req.Header), &o)
		resp := stored(&o)
		p.Apply(resp)
		body := whole(o.Length)
		sent := send(&p, body)
		if int64(len(sent)) != p.Length || resp.Length != p.Length || resp.Status != 206 {
			t.Fatalf("%d bytes sent, %d announced, status %d", len(sent), p.Length, resp.Status)
		}
		if p.Kind == Single {
			if r := p.Ranges[0]; !bytes.Equal(sent, body[r.First:r.Last+1]) {
				t.Fatal("other bytes")
			}
			return
		}
		kind, _ := resp.Get("Content-Type")
		_, params, err := mime.ParseMediaType(string(kind))
		if err != nil || resp.Find("Content-Range") >= 0 {
			t.Fatalf("%s: %v", kind, err)
		}
		parts := multipart.NewReader(bytes.NewReader(sent), params["boundary"])
		for i, r := range p.Ranges {
			part, err := parts.NextRawPart()
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(part)
			if err != nil || !bytes.Equal(got, body[r.First:r.Last+1]) || part.Header.Get("Content-Type") != string(o.Type) {
				t.Fatalf("part %d: %d bytes, %v", i, len(got), err)
			}
			if c, ok := ParseContentRange([]byte(part.Header.Get("Content-Range"))); !ok || c != (ContentRange{r.First, r.Last, o.Length}) {
				t.Fatalf("part %d: %+v", i, c)
			}
		}
		if _, err := parts.NextRawPart(); err != io.EOF {
			t.Fatal("more parts than ranges")
		}
	})
}

func TestBoundariesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		var m frame
		m.begin(nil, 1)
		seen[string(m.boundary[:])] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d boundaries of 100", len(seen))
	}
}

func TestPlansDoNotAllocate(t *testing.T) {
	o := page()
	for _, fields := range [][]string{
		nil,
		{"Range: bytes=10-19"},
		{"Range: bytes=10-19,500-600,-10", `If-Range: "a"`},
		{`If-None-Match: "x", W/"a"`, "If-Modified-Since: " + stamp},
		{"Range: bytes=5000-"},
	} {
		req := ask("GET", fields...)
		resp := stored(&o)
		saved := resp.Save(nil)
		var p Plan
		out := make([]byte, 0, 1024)
		run := func() {
			p.Make(req, Scan(&req.Header), &o)
			p.Apply(resp)
			out = out[:0]
			for i := range p.Ranges {
				out = p.AppendPartHead(out, i)
			}
			out = p.AppendTail(out)
			resp.Reset(nil)
			resp.Restore(saved[:0])
		}
		run()
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%q: %v allocations", fields, n)
		}
	}
}
