package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"fishplate/internal/message"
	"fishplate/test/conform"

	"github.com/google/go-cmp/cmp"
)

// pieces is a stream that hands its bytes out in pieces of the sizes given,
// the last size for what remains.
type pieces struct {
	data  []byte
	sizes []int
	out   bytes.Buffer
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := min(len(b), len(p.data))
	if len(p.sizes) > 0 {
		n = min(n, p.sizes[0])
		if len(p.sizes) > 1 {
			p.sizes = p.sizes[1:]
		}
	}
	copy(b, p.data[:n])
	p.data = p.data[n:]
	return n, nil
}

func (p *pieces) Write(b []byte) (int, error) { return p.out.Write(b) }

// outcome is everything that a message came to, for comparisons.
type outcome struct {
	Status int
	Cause  string
	Heads  []string
}

func faultOutcome(o *outcome, err error) {
	var f *message.Fault
	if !errors.As(err, &f) {
		panic(err)
	}
	o.Status, o.Cause = f.Status, f.Cause
}

// readRequests reads every request of the stream. A good stream ends with eof
// after at least one.
func readRequests(s Stream, l Limits) (o outcome) {
	var r Reader
	r.Init(s, l)
	var req message.Request
	for {
		if f := r.ReadRequest(&req, "http"); f != nil {
			faultOutcome(&o, f)
			if f.Cause == "eof" && len(o.Heads) > 0 {
				o.Status, o.Cause = 200, "ok"
			}
			return o
		}
		b := r.Body(req.Framing, req.Length)
		body, err := io.ReadAll(nextReader{b})
		if err != nil {
			faultOutcome(&o, err)
			return o
		}
		o.Heads = append(o.Heads, describeRequest(&req, body, b.Trailer()))
		r.Release()
	}
}

// nextReader reads a body by Next.
type nextReader struct{ b *Body }

func (n nextReader) Read(p []byte) (int, error) {
	piece, err := n.b.Next()
	if err != nil {
		return 0, err
	}
	c := copy(p, piece)
	n.b.unread(len(piece) - c)
	return c, nil
}

func describeFields(w *strings.Builder, h *message.Header) {
	for i := range h.Len() {
		fmt.Fprintf(w, "%d %q=%q\n", h.ID(i), h.Name(i), h.Value(i))
	}
}

func describeRequest(req *message.Request, body []byte, trailer *message.Header) string {
	var w strings.Builder
	fmt.Fprintf(&w, "%s %q host=%q:%d path=%q query=%v %q minor=%d framing=%d %d close=%v expect=%v upgrade=%q\n",
		req.Method, req.Target, req.Host, req.Port, req.Path, req.HasQuery, req.Query, req.Minor,
		req.Framing, req.Length, req.Close, req.Expect100, req.Upgrade)
	describeFields(&w, &req.Header)
	fmt.Fprintf(&w, "%q\n", body)
	if trailer != nil {
		describeFields(&w, trailer)
	}
	return w.String()
}

// readResponses reads informational responses and the final one.
func readResponses(s Stream, l Limits, method string) (o outcome) {
	var r Reader
	r.Init(s, l)
	var resp message.Response
	for {
		if f := r.ReadResponse(&resp, []byte(method)); f != nil {
			faultOutcome(&o, f)
			return o
		}
		var w strings.Builder
		fmt.Fprintf(&w, "%d %q minor=%d framing=%d %d close=%v upgrade=%q\n", resp.Status, resp.Reason, resp.Minor,
			resp.Framing, resp.Length, resp.Close, resp.Upgrade)
		describeFields(&w, &resp.Header)
		b := r.Body(resp.Framing, resp.Length)
		body, err := io.ReadAll(b)
		if err != nil {
			faultOutcome(&o, err)
			return o
		}
		fmt.Fprintf(&w, "%q\n", body)
		if t := b.Trailer(); t != nil {
			describeFields(&w, t)
		}
		o.Heads = append(o.Heads, w.String())
		if resp.Status >= 200 || resp.Status == 101 {
			o.Status, o.Cause = resp.Status, "ok"
			return o
		}
	}
}

func TestRequestTable(t *testing.T) {
	rows, err := conform.Requests()
	if err != nil {
		t.Fatal(err)
	}
	bad := 0
	for _, row := range rows {
		if row.Cause != "ok" {
			bad++
		}
		t.Run(row.Name, func(t *testing.T) {
			want := readRequests(&pieces{data: row.Raw}, Limits{})
			if want.Status != row.Status || want.Cause != row.Cause {
				t.Fatalf("got %d %s, want %d %s\n%s", want.Status, want.Cause, row.Status, row.Cause, want.Heads)
			}
			sameWhenSplit(t, row.Raw, want, func(s Stream) outcome { return readRequests(s, Limits{}) })
		})
	}
	if bad < 150 {
		t.Errorf("only %d malformed requests", bad)
	}
}

func TestResponseTable(t *testing.T) {
	rows, err := conform.Responses()
	if err != nil {
		t.Fatal(err)
	}
	bad := 0
	for _, row := range rows {
		if row.Cause != "ok" {
			bad++
		}
		t.Run(row.Name, func(t *testing.T) {
			want := readResponses(&pieces{data: row.Raw}, Limits{}, row.Method)
			if want.Status != row.Status || want.Cause != row.Cause {
				t.Fatalf("got %d %s, want %d %s\n%s", want.Status, want.Cause, row.Status, row.Cause, want.Heads)
			}
			sameWhenSplit(t, row.Raw, want, func(s Stream) outcome { return readResponses(s, Limits{}, row.Method) })
		})
	}
	if bad < 40 {
		t.Errorf("only %d malformed responses", bad)
	}
}

// sameWhenSplit reads the bytes cut in two at every boundary, and byte by byte.
func sameWhenSplit(t *testing.T, raw []byte, want outcome, read func(Stream) outcome) {
	t.Helper()
	step := 1 + len(raw)/700 // every boundary of all but the huge ones
	for at := 1; at < len(raw); at += step {
		if got := read(&pieces{data: raw, sizes: []int{at, len(raw)}}); !cmp.Equal(got, want) {
			t.Fatalf("split at %d: %s", at, cmp.Diff(want, got))
		}
	}
	if got := read(&pieces{data: raw, sizes: []int{1}}); !cmp.Equal(got, want) {
		t.Fatalf("byte by byte: %s", cmp.Diff(want, got))
	}
}

// TestCauses checks that the table is complete and that every word which a
// message can be refused for stands in the conformance tables.
func TestCauses(t *testing.T) {
	seen := map[string]bool{}
	requests, _ := conform.Requests()
	responses, _ := conform.Responses()
	for _, row := range append(requests, responses...) {
		seen[row.Cause] = true
	}
	// Timeouts and failures need a live stream; double-slash a policy.
	elsewhere := map[string]bool{"idle-timeout": true, "head-timeout": true, "body-timeout": true, "read-error": true,
		"body-left": true, "double-slash": true}
	names := map[string]bool{}
	for _, row := range Causes() {
		if row.Name == "" || row.Doc == "" || names[row.Name] {
			t.Errorf("bad row %+v", row)
		}
		names[row.Name] = true
		if !seen[row.Name] && !elsewhere[row.Name] {
			t.Errorf("%s: no row of a conformance table", row.Name)
		}
	}
}
