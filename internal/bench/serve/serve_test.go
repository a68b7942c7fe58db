package serve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// forms are all ways to serve.
func forms() []Options {
	var list []Options
	for _, plain := range []bool{false, true} {
		for _, single := range []bool{false, true} {
			list = append(list, Options{Address: "127.0.0.1:0", Plain: plain, SingleAcceptor: single, Backlog: 64})
		}
	}
	return list
}

func eachForm(t *testing.T, protocol string, do func(t *testing.T, c net.Conn)) {
	for _, o := range forms() {
		t.Run(fmt.Sprintf("plain=%t,single=%t", o.Plain, o.SingleAcceptor), func(t *testing.T) {
			o.Protocol = protocol
			s, err := Start(o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for range 5 {
				c, err := net.Dial("tcp", s.Address.String())
				if err != nil {
					t.Fatal(err)
				}
				_ = c.SetDeadline(time.Now().Add(30 * time.Second))
				do(t, c)
				_ = c.Close()
			}
		})
	}
}

func TestEcho(t *testing.T) {
	eachForm(t, "echo", func(t *testing.T, c net.Conn) {
		for _, text := range []string{"x", "hello"} {
			_, _ = io.WriteString(c, text)
			b := make([]byte, len(text))
			if _, err := io.ReadFull(c, b); err != nil || string(b) != text {
				t.Fatalf("%q, %v", b, err)
			}
		}
	})
}

// Close ends every connection: one that has said something, one that has not,
// and one in the middle of a word.
func TestCloseEndsConnections(t *testing.T) {
	for _, o := range forms() {
		t.Run(fmt.Sprintf("plain=%t,single=%t", o.Plain, o.SingleAcceptor), func(t *testing.T) {
			o.Protocol = "http"
			s, err := Start(o)
			if err != nil {
				t.Fatal(err)
			}
			var open []net.Conn
			for _, text := range []string{"GET / HTTP/1.1\r\n\r\n", "", "GET /", "GET / HTTP/1.1\r\n\r\n"} {
				c, err := net.Dial("tcp", s.Address.String())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(30 * time.Second))
				_, _ = io.WriteString(c, text)
				open = append(open, c)
			}
			// The last answer came after the connections before it were accepted, by the
			// same listener at least.
			if _, err := http.ReadResponse(bufio.NewReader(open[3]), nil); err != nil {
				t.Fatal(err)
			}
			s.Close()
			for i, c := range open {
				var late net.Error
				if _, err := io.Copy(io.Discard, c); errors.As(err, &late) && late.Timeout() {
					t.Errorf("connection %d is open after Close", i)
				}
			}
		})
	}
}

func TestHangUp(t *testing.T) {
	eachForm(t, "close", func(t *testing.T, c net.Conn) {
		if b, err := io.ReadAll(c); err != nil || len(b) != 0 {
			t.Fatalf("%q, %v", b, err)
		}
	})
}

// Clients of HTTP/1.0 are told what becomes of the connection.
func TestOldHTTP(t *testing.T) {
	for ask, want := range map[string]string{"": "Connection: close\r\n", "Connection: Keep-Alive\r\n": "Connection: keep-alive\r\n"} {
		reply, used, end := web(nil, []byte("GET / HTTP/1.0\r\n"+ask+"\r\n"), nil)
		if !strings.Contains(string(reply), want) || used == 0 || end != (ask == "") {
			t.Errorf("%q: %q, %d, %t", ask, reply, used, end)
		}
	}
}

func TestHTTP(t *testing.T) {
	eachForm(t, "http", func(t *testing.T, c net.Conn) {
		r := bufio.NewReader(c)
		for _, closing := range []bool{false, false, true} {
			request := "GET / HTTP/1.1\r\nHost: x\r\n"
			if closing {
				request += "Connection: close\r\n"
			}
			// In two pieces, of which the first says nothing.
			_, _ = io.WriteString(c, request[:9])
			_, _ = io.WriteString(c, request[9:]+"\r\n")
			answer, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(answer.Body)
			if err != nil || string(body) != "hello\n" || answer.Close != closing {
				t.Fatalf("%q, close %t, %v", body, answer.Close, err)
			}
		}
		if _, err := r.ReadByte(); err != io.EOF {
			t.Fatalf("after the last answer: %v", err)
		}
	})
}

func TestWebSocket(t *testing.T) {
	eachForm(t, "ws", func(t *testing.T, c net.Conn) {
		r := bufio.NewReader(c)
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		answer, err := http.ReadResponse(r, nil)
		// The key and its answer are the example of RFC 6455 section 1.3.
		if err != nil || answer.StatusCode != 101 || answer.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
			t.Fatalf("%v, %v", answer, err)
		}
		// The masked "Hello" of RFC 6455 section 5.7, twice at once.
		hello := string([]byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58})
		_, _ = io.WriteString(c, hello+hello)
		want := strings.Repeat("\x81\x05Hello", 2)
		b := make([]byte, len(want))
		if _, err := io.ReadFull(r, b); err != nil || string(b) != want {
			t.Fatalf("%q, %v", b, err)
		}
	})
}

// Every form takes an address without a host, which is all of them.
func TestAllAddresses(t *testing.T) {
	for _, o := range forms() {
		o.Protocol, o.Address = "close", ":0"
		s, err := Start(o)
		if err != nil {
			t.Fatalf("plain=%t: %v", o.Plain, err)
		}
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Address.Port()))
		if err != nil {
			t.Errorf("plain=%t: %v", o.Plain, err)
		} else {
			_ = c.Close()
		}
		s.Close()
	}
}

func TestStartErrors(t *testing.T) {
	if _, err := Start(Options{Address: "127.0.0.1:0", Protocol: "smtp"}); err == nil {
		t.Error("an unknown protocol is served")
	}
	for _, o := range forms() {
		o.Protocol, o.Address = "echo", "nowhere"
		if s, err := Start(o); err == nil {
			s.Close()
			t.Errorf("%+v is served", o)
		}
	}
}
