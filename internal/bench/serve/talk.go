package serve

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
)

// talk is a protocol: what the server says to what it hears.
type talk struct {
	hangUp bool // close at once, without a word
	// answer appends the reply to what is at the beginning of in, and says how
	// much of it that was; used 0 waits for more. up is the connection's one bit
	// of state.
	answer func(up *bool, in, out []byte) (reply []byte, used int, end bool)
}

// talks returns the protocol of a name: echo, close, http or ws.
func talks(name string) (talk, error) {
	switch name {
	case "echo":
		return talk{answer: echo}, nil
	case "close":
		return talk{hangUp: true}, nil
	case "http":
		return talk{answer: web}, nil
	case "ws":
		return talk{answer: socketTalk}, nil
	}
	return talk{}, fmt.Errorf("unknown protocol %q", name)
}

func echo(_ *bool, in, out []byte) ([]byte, int, bool) { return append(out, in...), len(in), false }

const (
	kept   = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
	parted = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"
	// promised is for clients of HTTP/1.0 that ask to keep the connection.
	promised = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: keep-alive\r\n\r\nhello\n"
	// headMax is what a request may have; the client of a benchmark sends far less.
	headMax = 16 << 10
)

func requestEnd(in []byte) int {
	i := bytes.Index(in, []byte("\r\n\r\n"))
	if i < 0 {
		return 0
	}
	return i + 4
}

func web(_ *bool, in, out []byte) ([]byte, int, bool) {
	n := requestEnd(in)
	if n == 0 {
		return out, 0, len(in) > headMax
	}
	line := in[:bytes.IndexByte(in[:n], '\r')]
	switch {
	case bytes.HasSuffix(line, []byte("HTTP/1.0")): // ab's, which waits for the end unless it is promised
		if bytes.Contains(in[:n], []byte("\r\nConnection: Keep-Alive\r\n")) {
			return append(out, promised...), n, false
		}
		return append(out, parted...), n, true
	case bytes.Contains(in[:n], []byte("\r\nConnection: close\r\n")):
		return append(out, parted...), n, true
	}
	return append(out, kept...), n, false
}

// The magic of RFC 6455 section 1.3.
const acceptMagic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// socketTalk upgrades, and then sends each short message back.
func socketTalk(up *bool, in, out []byte) ([]byte, int, bool) {
	if !*up {
		n := requestEnd(in)
		if n == 0 {
			return out, 0, len(in) > headMax
		}
		_, key, found := bytes.Cut(in[:n], []byte("Sec-WebSocket-Key: "))
		key, _, _ = bytes.Cut(key, []byte("\r\n"))
		if !found {
			return out, n, true
		}
		sum := sha1.Sum(append(bytes.Clone(key), acceptMagic...))
		*up = true
		out = append(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
		out = base64.StdEncoding.AppendEncode(out, sum[:])
		return append(out, "\r\n\r\n"...), n, false
	}
	// A masked frame of up to 125 bytes: two bytes, the mask, the payload.
	const fixed = 6
	if len(in) < fixed {
		return out, 0, false
	}
	size := int(in[1] & 0x7f)
	if in[1]&0x80 == 0 || size > 125 {
		return out, 0, true
	}
	if len(in) < fixed+size {
		return out, 0, false
	}
	out = append(out, in[0], byte(size))
	for i, b := range in[fixed : fixed+size] {
		out = append(out, b^in[2+i%4])
	}
	return out, fixed + size, in[0]&0x0f == 8
}
