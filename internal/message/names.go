package message

import "unsafe"

// Name is a well-known field name as a small integer; Other is any name that
// has none. The codec sets it once per field, so that look-ups on the request
// path compare integers.
type Name uint8

// The well-known names. The table names gives their text.
const (
	Other Name = iota
	Accept
	AcceptEncoding
	Age
	Authorization
	CacheControl
	Connection
	ContentEncoding
	ContentLength
	ContentType
	Cookie
	Date
	ETag
	Expect
	Expires
	Forwarded
	Host
	IfModifiedSince
	IfNoneMatch
	KeepAlive
	LastModified
	Location
	ProxyAuthenticate
	ProxyAuthorization
	ProxyConnection
	Range
	Server
	SetCookie
	TE
	Trailer
	TransferEncoding
	Upgrade
	UserAgent
	Vary
	Via
	XForwardedFor
	XForwardedHost
	XForwardedProto
	numNames
)

var names = [numNames]string{
	Other: "", Accept: "Accept", AcceptEncoding: "Accept-Encoding", Age: "Age", Authorization: "Authorization",
	CacheControl: "Cache-Control", Connection: "Connection", ContentEncoding: "Content-Encoding",
	ContentLength: "Content-Length", ContentType: "Content-Type", Cookie: "Cookie", Date: "Date", ETag: "ETag",
	Expect: "Expect", Expires: "Expires", Forwarded: "Forwarded", Host: "Host", IfModifiedSince: "If-Modified-Since",
	IfNoneMatch: "If-None-Match", KeepAlive: "Keep-Alive", LastModified: "Last-Modified", Location: "Location",
	ProxyAuthenticate: "Proxy-Authenticate", ProxyAuthorization: "Proxy-Authorization",
	ProxyConnection: "Proxy-Connection", Range: "Range", Server: "Server", SetCookie: "Set-Cookie", TE: "TE",
	Trailer: "Trailer", TransferEncoding: "Transfer-Encoding", Upgrade: "Upgrade", UserAgent: "User-Agent",
	Vary: "Vary", Via: "Via", XForwardedFor: "X-Forwarded-For", XForwardedHost: "X-Forwarded-Host",
	XForwardedProto: "X-Forwarded-Proto",
}

// String returns the canonical text of the name, "" for Other.
func (n Name) String() string { return names[n] }

// byShape finds the candidates of a name by its length and first letter, so
// that a look-up compares against one or two texts.
var byShape = func() (t [32][26][]Name) {
	for n := Other + 1; n < numNames; n++ {
		s := names[n]
		c := s[0] | 0x20
		t[len(s)][c-'a'] = append(t[len(s)][c-'a'], n)
	}
	return t
}()

// LookupName returns the well-known name that equals text without regard to
// ASCII case, or Other.
func LookupName(text []byte) Name {
	if len(text) == 0 || len(text) >= len(byShape) {
		return Other
	}
	c := text[0] | 0x20
	if c < 'a' || c > 'z' {
		return Other
	}
	for _, n := range byShape[len(text)][c-'a'] {
		if EqualFold(text, names[n]) {
			return n
		}
	}
	return Other
}

// View is b as a text for the length of a call that keeps nothing of it: the text
// changes when the bytes do.
func View(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// EqualFold reports whether a equals b without regard to ASCII case.
func EqualFold[A, B ~string | ~[]byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}
