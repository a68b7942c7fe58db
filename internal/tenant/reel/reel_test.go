package reel

import (
	"bytes"
	"crypto/sha256"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/message"
)

func aRequest() *message.Request {
	r := &message.Request{
		Method: []byte("POST"), Target: []byte("/a?b"), Scheme: "https", Host: []byte("a.test"), Port: 8443, Path: []byte("/a"), Query: []byte("b"),
		HasQuery: true, Minor: 1, Framing: message.Length, Length: -1, Close: true, Expect100: true, Upgrade: []byte("websocket"),
		ClientIP: netip.MustParseAddr("2001:db8::1"),
		Conn:     &message.Conn{Listener: "web", Client: netip.MustParseAddrPort("192.0.2.1:4711"), Local: netip.MustParseAddrPort("[::1]:443")},
	}
	r.Add("Host", "a.test")
	r.Add("X-Empty", "")
	return r
}

func stream() []byte {
	var w Writer
	w.Begin(Call, 1, 2, 3, 4, 1<<63)
	w.String("argument")
	w.String("")
	w.Text([]byte("body"))
	w.Request(aRequest())
	w.Response(nil)
	w.Begin(Answer, 1, 0)
	w.Text([]byte{0, 1, 2})
	w.String("")
	w.String("")
	w.Begin(Sent, 7, 8)
	w.Begin(Ran, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	w.String("guest-fault")
	w.Begin(End, 1, 2)
	w.String("pass")
	w.String("")
	w.Request(nil)
	resp := &message.Response{Status: 204, Reason: []byte("No Content"), Minor: 1, Upgrade: []byte("x")}
	resp.Add("A", "b")
	w.Response(resp)
	w.Text(nil)
	return w.B
}

func aFile(t testing.TB) []byte {
	t.Helper()
	f := &File{Head: Head{ID: "00ff", Time: time.Unix(1, 0).UTC(), Tenant: "a", Memory: 1}, Start: []byte{}, Events: stream(), Program: []byte("\x7fELF")}
	b, err := f.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessagesComeBack(t *testing.T) {
	events, err := Read(stream())
	if err != nil || len(events) != 5 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	r, err := ReadRequest(events[0].Texts[3])
	if err != nil {
		t.Fatal(err)
	}
	var a, b Writer
	a.Request(aRequest())
	b.Request(r)
	if !bytes.Equal(a.B, b.B) {
		t.Errorf("%q is not %q", b.B, a.B)
	}
	if r.Scheme != "https" || r.Conn.Client.Port() != 4711 || r.Length != -1 || r.Len() != 2 || string(r.Upgrade) != "websocket" {
		t.Errorf("%+v", r)
	}
	resp, err := ReadResponse(events[4].Texts[3])
	if err != nil || resp.Status != 204 || resp.Len() != 1 || string(resp.Reason) != "No Content" {
		t.Errorf("%+v %v", resp, err)
	}
	if none, err := ReadRequest(events[4].Texts[2]); none != nil || err != nil {
		t.Errorf("%v %v", none, err)
	}
}

func TestFileComesBack(t *testing.T) {
	b := aFile(t)
	f, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.Append(nil)
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("not the same: %v", cmp.Diff(string(b), string(again)))
	}
	for n := range len(b) {
		if _, err := Parse(b[:n]); err == nil {
			t.Errorf("cut at %d: no error", n)
		}
		b[n] ^= 1
		if _, err := Parse(b); err == nil {
			t.Errorf("changed at %d: no error", n)
		}
		b[n] ^= 1
	}
	if _, err := Parse([]byte(strings.Replace(string(b), "calls 2", "calls 3", 1))); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("another version: %v", err)
	}
}

func TestRingIsBounded(t *testing.T) {
	var r Ring
	if r.Put(&File{}) {
		t.Error("a ring without room took something")
	}
	r.SetLimit(4 * (overhead + 100))
	for i := range 20 {
		if !r.Put(&File{Head: Head{ID: string(rune('a' + i))}, Events: make([]byte, 100)}) {
			t.Error("refused")
		}
	}
	list := r.List()
	if len(list) != 4 || list[0].Head.ID != "t" || r.Find("a") != nil || r.Find("q") == nil {
		t.Errorf("%d kept", len(list))
	}
	if r.Put(&File{Events: make([]byte, 1<<20)}) || len(r.List()) != 4 {
		t.Error("what is larger than the ring pushed others out")
	}
	r.SetLimit(0)
	if len(r.List()) != 0 {
		t.Error("not emptied")
	}
}

func TestWriterIsBounded(t *testing.T) {
	w := Writer{Limit: 1000}
	for range 100 {
		w.Begin(Sent, 1, 2)
		w.Text(make([]byte, 300))
	}
	if !w.Full || len(w.B) > 2000 {
		t.Errorf("full %v, %d bytes", w.Full, len(w.B))
	}
}

// FuzzParse reads anything as a file and everything in it.
func FuzzParse(f *testing.F) {
	whole := aFile(f)
	f.Add(whole[:len(whole)-sha256.Size])
	f.Add(stream())
	f.Fuzz(func(t *testing.T, b []byte) {
		parts := [][]byte{b}
		sum := sha256.Sum256(b)
		if file, err := Parse(append(bytes.Clone(b), sum[:]...)); err == nil {
			parts = append(parts, file.Start, file.Events)
		}
		for _, p := range parts {
			events, err := Read(p)
			if err != nil {
				continue
			}
			for i := range events {
				for _, text := range events[i].Texts {
					if r, err := ReadRequest(text); err == nil && r != nil {
						var w Writer
						w.Request(r)
					}
					_, _ = ReadResponse(text)
				}
			}
		}
	})
}
