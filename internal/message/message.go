package message

import (
	"crypto/tls"
	"net/netip"
	"time"
)

// Framing says how a body's end is found.
type Framing uint8

// The framings of RFC 9112 §6.
const (
	NoBody   Framing = iota // there is none
	Length                  // Content-Length bytes
	Chunked                 // chunked transfer coding
	UntilEnd                // a response body that ends with its connection
)

// Conn holds the facts of the client's connection that requests may ask for.
type Conn struct {
	Listener string
	Client   netip.AddrPort // the peer, or what a PROXY header said
	Local    netip.AddrPort
	TLS      *tls.ConnectionState // nil on a plain connection
	JA4      string               // fingerprint of the ClientHello; "" without one, or of an absurd one
	Mark     uint32               // firewall mark of the SYN
	Start    time.Time
}

// Request is one request head. Its byte slices are valid until the exchange
// ends and must not be written to.
type Request struct {
	Header
	Method   []byte // a token, case kept
	Target   []byte // as received
	Scheme   string // "http" or "https"
	Host     []byte // lower case, without port; "" only for HTTP/1.0
	Port     int    // from Host or the target; 0 when it named none
	Path     []byte // the normal form; begins with '/', or is "*"
	Query    []byte // after '?', without it
	HasQuery bool
	Minor    uint8 // HTTP/1.Minor
	Framing  Framing
	Length   int64 // of the body; meaningful for Length
	// Close is true when the connection ends after this exchange.
	Close     bool
	Expect100 bool
	// Upgrade is the protocol that the client offers to switch to, nil without.
	Upgrade []byte
	Conn    *Conn
	// ClientIP is who the request is from: Conn.Client, or what a trusted
	// proxy's forwarding field says.
	ClientIP netip.Addr
}

// Response is one response head.
type Response struct {
	Header
	Status  int
	Reason  []byte
	Minor   uint8
	Framing Framing
	Length  int64
	Close   bool
	Upgrade []byte
}

// CookieValue returns the value of the named cookie in the request's Cookie
// fields (RFC 6265 §4.2; double quotes around a value are kept).
func (r *Request) CookieValue(name string) (value []byte, ok bool) {
	for i := r.Index(Cookie, 0); i >= 0; i = r.Index(Cookie, i+1) {
		if v, ok := cookie(r.Value(i), name); ok {
			return v, true
		}
	}
	return nil, false
}

func cookie(line []byte, name string) ([]byte, bool) {
	for len(line) > 0 {
		end := 0
		for end < len(line) && line[end] != ';' {
			end++
		}
		pair := line[:end]
		line = line[min(end+1, len(line)):]
		for len(pair) > 0 && (pair[0] == ' ' || pair[0] == '\t') {
			pair = pair[1:]
		}
		if len(pair) > len(name) && pair[len(name)] == '=' && string(pair[:len(name)]) == name {
			v := pair[len(name)+1:]
			for len(v) > 0 && (v[len(v)-1] == ' ' || v[len(v)-1] == '\t') {
				v = v[:len(v)-1]
			}
			return v, true
		}
	}
	return nil, false
}

// QueryValue returns the raw (still percent-encoded) value of the first query
// parameter of that name.
func (r *Request) QueryValue(name string) (value []byte, ok bool) {
	q := r.Query
	for len(q) > 0 {
		end := 0
		for end < len(q) && q[end] != '&' {
			end++
		}
		pair := q[:end]
		q = q[min(end+1, len(q)):]
		if len(pair) >= len(name) && string(pair[:len(name)]) == name {
			if len(pair) == len(name) {
				return pair[len(name):], true
			}
			if pair[len(name)] == '=' {
				return pair[len(name)+1:], true
			}
		}
	}
	return nil, false
}
