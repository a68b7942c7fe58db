package http1

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"fishplate/internal/message"
	"fishplate/test/conform"

	"github.com/google/go-cmp/cmp"
)

// forwarded is what has to survive the way through us: what an origin that
// parses as we do sees.
func forwarded(req *message.Request, body []byte, trailer *message.Header) string {
	var w strings.Builder
	w.WriteString(string(req.Method) + " " + string(req.Path))
	if req.HasQuery {
		w.WriteString("?" + string(req.Query))
	}
	w.WriteString(" " + string(appendHost(nil, req)) + "\n")
	for i := range req.Len() {
		switch req.ID(i) {
		case message.Host, message.ContentLength, message.Expect, message.TransferEncoding:
			continue
		}
		w.WriteString(string(req.Name(i)) + ": " + string(req.Value(i)) + "\n")
	}
	w.Write(body)
	if trailer != nil {
		describeFields(&w, trailer)
	}
	return w.String()
}

// FuzzRequest checks that any bytes give the same answer however they are cut,
// that nothing is both accepted and ambiguous, and that what AppendRequestHead
// writes is read back as the same request.
func FuzzRequest(f *testing.F) {
	rows, err := conform.Requests()
	if err != nil {
		f.Fatal(err)
	}
	for _, row := range rows {
		if len(row.Raw) < 4096 {
			f.Add(row.Raw, 7)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, cut int) {
		whole := readRequests(&pieces{data: raw}, Limits{})
		if split := readRequests(&pieces{data: raw, sizes: []int{max(cut&0xfff, 1), 3}}, Limits{}); !cmp.Equal(whole, split) {
			t.Fatal(cmp.Diff(whole, split))
		}
		var r, back Reader
		var req, again message.Request
		r.Init(&pieces{data: raw}, Limits{})
		if r.ReadRequest(&req, "http") != nil {
			return
		}
		body, trailer, ok := bodyOf(&r, req.Framing, req.Length)
		if !ok {
			return
		}
		wire := AppendRequestHead(nil, &req, ForwardOptions{})
		want := forwarded(&req, body, trailer)
		switch req.Framing {
		case message.Length:
			wire = append(wire, body...)
		case message.Chunked:
			wire = AppendLastChunk(AppendChunk(wire, body), trailer)
		}
		if len(req.Host) == 0 {
			return // HTTP/1.0 without Host has no HTTP/1.1 form
		}
		back.Init(&pieces{data: wire}, Limits{HeadBytes: 64 << 10})
		if fault := back.ReadRequest(&again, "http"); fault != nil {
			t.Fatalf("%q: our own head is refused: %v\n%q", raw, fault, wire)
		}
		body, trailer, ok = bodyOf(&back, again.Framing, again.Length)
		if got := forwarded(&again, body, trailer); !ok || got != want || back.Buffered() != 0 {
			t.Fatalf("%q came back as\n%s\nnot\n%s", raw, got, want)
		}
	})
}

func bodyOf(r *Reader, f message.Framing, n int64) ([]byte, *message.Header, bool) {
	b := r.Body(f, n)
	body, err := io.ReadAll(b)
	return body, b.Trailer(), err == nil
}

// FuzzResponse is FuzzRequest's twin.
func FuzzResponse(f *testing.F) {
	rows, err := conform.Responses()
	if err != nil {
		f.Fatal(err)
	}
	for _, row := range rows {
		if len(row.Raw) < 4096 {
			f.Add(row.Raw, 7, row.Method == "HEAD")
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, cut int, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		whole := readResponses(&pieces{data: raw}, Limits{}, method)
		if split := readResponses(&pieces{data: raw, sizes: []int{max(cut&0xfff, 1), 3}}, Limits{}, method); !cmp.Equal(whole, split) {
			t.Fatal(cmp.Diff(whole, split))
		}
		var r, back Reader
		var resp, again message.Response
		r.Init(&pieces{data: raw}, Limits{})
		if r.ReadResponse(&resp, []byte(method)) != nil || resp.Status < 200 {
			return
		}
		body, _, ok := bodyOf(&r, resp.Framing, resp.Length)
		if !ok {
			return
		}
		headOnly := head || resp.Status == 304
		wire := AppendResponseHead(nil, &resp, ReplyOptions{Framing: message.Chunked, HeadOnly: headOnly, Minor: 1})
		if !headOnly && resp.Status != 204 {
			wire = AppendLastChunk(AppendChunk(wire, body), nil)
		}
		back.Init(&pieces{data: wire}, Limits{HeadBytes: 64 << 10, Fields: 256})
		if fault := back.ReadResponse(&again, []byte(method)); fault != nil {
			t.Fatalf("%q: our own head is refused: %v\n%q", raw, fault, wire)
		}
		got, _, ok := bodyOf(&back, again.Framing, again.Length)
		if !ok || !bytes.Equal(got, body) || again.Status != resp.Status || back.Buffered() != 0 {
			t.Fatalf("%q came back as %d %q", raw, again.Status, got)
		}
	})
}

// FuzzChunked checks that a chunked body decodes alike by Next, by Read and in
// pieces, and that what was decoded and written again decodes to the same.
func FuzzChunked(f *testing.F) {
	rows, err := conform.Requests()
	if err != nil {
		f.Fatal(err)
	}
	for _, row := range rows {
		if _, body, found := bytes.Cut(row.Raw, []byte("chunked\r\n\r\n")); found && len(body) < 4096 {
			f.Add(body, 5)
		}
	}
	decode := func(s Stream, next bool) (string, string) {
		var r Reader
		r.Init(s, Limits{})
		b := r.Body(message.Chunked, 0)
		var from io.Reader = b
		if next {
			from = nextReader{b}
		}
		body, err := io.ReadAll(from)
		if err != nil {
			return string(body), err.(*message.Fault).Cause
		}
		var w strings.Builder
		if t := b.Trailer(); t != nil {
			describeFields(&w, t)
		}
		return string(body), "ok " + w.String() + string(r.Take())
	}
	f.Fuzz(func(t *testing.T, raw []byte, cut int) {
		body, end := decode(&pieces{data: raw}, false)
		for _, next := range []bool{false, true} {
			b, e := decode(&pieces{data: raw, sizes: []int{max(cut&0xfff, 1), 1}}, next)
			if e == "" || b != body || (e != end && !strings.HasPrefix(end, "ok")) {
				t.Fatalf("%q %q, in pieces %q %q", body, end, b, e)
			}
		}
		if !strings.HasPrefix(end, "ok") {
			return
		}
		wire := AppendLastChunk(AppendChunk(nil, []byte(body)), nil)
		if b, e := decode(&pieces{data: wire}, true); b != body || e != "ok " {
			t.Fatalf("%q written again is %q %q", body, b, e)
		}
	})
}
