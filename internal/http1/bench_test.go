package http1

import (
	"testing"
	"time"

	"fishplate/internal/message"
)

const browserRequest = "GET /static/app.js?v=42 HTTP/1.1\r\nHost: www.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
	"Accept: */*\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n" +
	"Cookie: session=0123456789abcdef; theme=dark\r\nReferer: https://www.example.com/\r\nConnection: keep-alive\r\n\r\n"

const wrkRequest = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"

const originResponse = "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Mon, 27 Jul 2009 12:28:53 GMT\r\n" +
	"Content-Type: text/plain\r\nContent-Length: 5\r\nETag: \"abc\"\r\n\r\nhello"

const chunkedResponse = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"

// repeat is a stream that sends one message again and again.
type repeat struct {
	text string
	at   int
}

func (s *repeat) Read(p []byte) (int, error) {
	if s.at == len(s.text) {
		s.at = 0
	}
	n := copy(p, s.text[s.at:])
	s.at += n
	return n, nil
}

func (s *repeat) Write(p []byte) (int, error) { return len(p), nil }

func fatal(t testing.TB, f *message.Fault) {
	if f != nil {
		t.Fatal(f)
	}
}

func TestPlainPathAllocatesNothing(t *testing.T) {
	var in, from Reader
	var req message.Request
	var resp message.Response
	out := make([]byte, 0, 4096)
	now := time.Now()
	for _, pair := range [][2]string{{browserRequest, originResponse}, {wrkRequest, chunkedResponse}} {
		in.Init(&repeat{text: pair[0]}, Limits{})
		from.Init(&repeat{text: pair[1]}, Limits{})
		exchange := func() {
			fatal(t, in.ReadRequest(&req, "http"))
			out = AppendRequestHead(out[:0], &req, ForwardOptions{})
			fatal(t, from.ReadResponse(&resp, req.Method))
			out = AppendResponseHead(out[:0], &resp, ReplyOptions{Framing: resp.Framing, Length: resp.Length, Minor: 1, Now: now})
			b := from.Body(resp.Framing, resp.Length)
			for !b.Done() {
				piece, err := b.Next()
				if err != nil && !b.Done() {
					t.Fatal(err)
				}
				out = AppendChunk(out, piece)
			}
			from.Release()
			in.Release()
		}
		for range 10 {
			exchange()
		}
		if n := testing.AllocsPerRun(200, exchange); n >= allocationLimit {
			t.Errorf("%v allocations", n)
		}
	}
}

func BenchmarkReadRequest(b *testing.B) {
	for name, text := range map[string]string{"browser": browserRequest, "wrk": wrkRequest} {
		b.Run(name, func(b *testing.B) {
			var r Reader
			var req message.Request
			r.Init(&repeat{text: text}, Limits{})
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				fatal(b, r.ReadRequest(&req, "http"))
			}
		})
	}
}

func BenchmarkReadResponse(b *testing.B) {
	var r Reader
	var resp message.Response
	r.Init(&repeat{text: originResponse}, Limits{})
	method := []byte("GET")
	b.ReportAllocs()
	for b.Loop() {
		fatal(b, r.ReadResponse(&resp, method))
		if _, err := r.Body(resp.Framing, resp.Length).Next(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendHead(b *testing.B) {
	var r Reader
	var req message.Request
	r.Init(&repeat{text: browserRequest}, Limits{})
	fatal(b, r.ReadRequest(&req, "http"))
	out := make([]byte, 0, 4096)
	b.Run("request", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out = AppendRequestHead(out[:0], &req, ForwardOptions{})
		}
	})
	var from Reader
	var resp message.Response
	from.Init(&repeat{text: originResponse}, Limits{})
	fatal(b, from.ReadResponse(&resp, []byte("GET")))
	now := time.Now()
	b.Run("response", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out = AppendResponseHead(out[:0], &resp, ReplyOptions{Framing: message.Length, Length: 5, Minor: 1, Now: now})
		}
	})
}
