package http1

import (
	"strconv"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/netio"
)

// ForwardOptions say how a request goes on to an origin.
type ForwardOptions struct {
	Host    []byte // Host to send, with port; nil = the request's own
	Chunked bool   // the body is sent chunked although its length was known
	Close   bool   // ask the origin to close afterwards
	Upgrade bool   // offer req.Upgrade to the origin
	Expect  bool   // send Expect: 100-continue
	TE      bool   // say that trailers are welcome
}

// AppendRequestHead appends the head of req as it goes to an origin: HTTP/1.1,
// origin-form of the normal path, Host first, the framing of req, hop-by-hop
// fields removed (from req too).
func AppendRequestHead(dst []byte, req *message.Request, o ForwardOptions) []byte {
	StripHopByHop(&req.Header)
	dst = append(dst, req.Method...)
	dst = append(dst, ' ')
	dst = append(dst, req.Path...)
	if req.HasQuery {
		dst = append(dst, '?')
		dst = append(dst, req.Query...)
	}
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	if o.Host != nil {
		dst = append(dst, o.Host...)
	} else {
		dst = appendHost(dst, req)
	}
	dst = append(dst, crlf...)
	for i := 0; i < req.Len(); i++ {
		switch req.ID(i) {
		case message.Host, message.ContentLength, message.Expect:
			continue
		case message.Other:
			if posesAsFraming(req.Name(i)) {
				continue
			}
		}
		dst = appendField(dst, &req.Header, i)
	}
	switch {
	case req.Framing == message.Chunked, o.Chunked && req.Framing == message.Length:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case req.Framing == message.Length:
		dst = appendLength(dst, req.Length)
	}
	if o.Expect {
		dst = append(dst, "Expect: 100-continue\r\n"...)
	}
	return appendConnection(dst, o.Close, o.TE, upgradeOf(o.Upgrade, req.Upgrade))
}

// posesAsFraming says whether a name is that of a field that frames the body, but for
// an underscore: servers that follow CGI make no difference.
func posesAsFraming(name []byte) bool {
	return len(name) == len("Content_Length") && name[7] == '_' && message.EqualFold(name[:7], "content") && message.EqualFold(name[8:], "length") ||
		len(name) == len("Transfer_Encoding") && name[8] == '_' && message.EqualFold(name[:8], "transfer") && message.EqualFold(name[9:], "encoding")
}

const crlf = "\r\n"

func upgradeOf(wanted bool, protocol []byte) []byte {
	if wanted {
		return protocol
	}
	return nil
}

// appendHost writes host and port as the normal forms say.
func appendHost(dst []byte, req *message.Request) []byte {
	dst = append(dst, req.Host...)
	if req.Port != 0 {
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, int64(req.Port), 10)
	}
	return dst
}

func appendField(dst []byte, h *message.Header, i int) []byte {
	dst = append(dst, h.Name(i)...)
	dst = append(dst, ": "...)
	dst = append(dst, h.Value(i)...)
	return append(dst, crlf...)
}

func appendLength(dst []byte, n int64) []byte {
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, crlf...)
}

// appendConnection writes the fields of this hop and the head's end.
func appendConnection(dst []byte, closes, te bool, protocol []byte) []byte {
	switch {
	case len(protocol) > 0:
		dst = append(dst, "Connection: upgrade\r\nUpgrade: "...)
		dst = append(dst, protocol...)
		dst = append(dst, crlf...)
	case closes && te:
		dst = append(dst, "Connection: close, TE\r\nTE: trailers\r\n"...)
	case te:
		dst = append(dst, "Connection: TE\r\nTE: trailers\r\n"...)
	case closes:
		dst = append(dst, "Connection: close\r\n"...)
	}
	return append(dst, crlf...)
}

// ReplyOptions say how a response goes to a client.
type ReplyOptions struct {
	// Framing and Length say how the body is going to be written. NoBody
	// writes Content-Length: 0 unless HeadOnly is set or the status has no body.
	Framing message.Framing
	Length  int64
	// HeadOnly marks the answer to HEAD and a 304: the Content-Length of the
	// response's own header is kept, as it describes what is not sent.
	HeadOnly bool
	Close    bool
	Minor    uint8     // the client's HTTP/1.Minor; 0 is told that the connection stays
	Now      time.Time // for Date; zero = read the clock
}

// AppendResponseHead appends the head of resp as it goes to a client: HTTP/1.1,
// a Date when it has none, the framing of o, hop-by-hop fields removed (from
// resp too). A 101 keeps resp.Upgrade.
func AppendResponseHead(dst []byte, resp *message.Response, o ReplyOptions) []byte {
	StripHopByHop(&resp.Header)
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(resp.Status), 10)
	dst = append(dst, ' ')
	if len(resp.Reason) > 0 {
		dst = append(dst, resp.Reason...)
	} else {
		dst = append(dst, StatusText(resp.Status)...)
	}
	dst = append(dst, crlf...)
	dated := false
	for i := 0; i < resp.Len(); i++ {
		switch resp.ID(i) {
		case message.ContentLength:
			if !o.HeadOnly {
				continue
			}
		case message.Date:
			dated = true
		}
		dst = appendField(dst, &resp.Header, i)
	}
	interim := resp.Status < 200
	if !dated && !interim {
		dst = append(dst, "Date: "...)
		if o.Now.IsZero() {
			o.Now = netio.Now()
		}
		dst = append(dst, netio.DateAt(o.Now)...)
		dst = append(dst, crlf...)
	}
	switch {
	case o.HeadOnly, interim, resp.Status == 204:
	case o.Framing == message.Chunked:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case o.Framing == message.Length:
		dst = appendLength(dst, o.Length)
	case o.Framing == message.NoBody:
		dst = append(dst, "Content-Length: 0\r\n"...)
	}
	if o.Minor == 0 && !o.Close && !interim {
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	return appendConnection(dst, o.Close && !interim, false, upgradeOf(resp.Status == 101, resp.Upgrade))
}

// AppendChunkSize appends the line before n bytes of a chunk's data; the CRLF
// after them is the caller's. n is above 0: 0 would end the body.
func AppendChunkSize(dst []byte, n int) []byte {
	dst = strconv.AppendInt(dst, int64(n), 16)
	return append(dst, crlf...)
}

// AppendChunk appends one chunk; nothing for empty data, which would end the
// body.
func AppendChunk(dst, data []byte) []byte {
	if len(data) == 0 {
		return dst
	}
	dst = AppendChunkSize(dst, len(data))
	dst = append(dst, data...)
	return append(dst, crlf...)
}

// AppendLastChunk appends the end of a chunked body with its trailer, which
// may be nil.
func AppendLastChunk(dst []byte, trailer *message.Header) []byte {
	dst = append(dst, "0\r\n"...)
	if trailer != nil {
		for i := 0; i < trailer.Len(); i++ {
			dst = appendField(dst, trailer, i)
		}
	}
	return append(dst, crlf...)
}
