package fishplate

// Request is the request at hand.
type Request struct {
	Message
	// Argument is what the configuration gave the program, "" for none.
	Argument string
	// Body is what the client sent, in Respond. It is the host's memory: valid
	// for the request, which is all there is.
	Body []byte
}

// Method returns the method.
func (r Request) Method() string { return r.line(LineMethod) }

// URL returns path and query.
func (r Request) URL() string { return r.line(LineURL) }

// SetURL changes path and query, before the request goes on.
func (r Request) SetURL(url string) error { return r.SetLine(LineURL, url) }

// Path returns the URL without its query.
func (r Request) Path() string { return fact(SysPath) }

// PathSegment returns a part of the path, decoded; -1 is the last. ErrNone: there
// are fewer.
func (r Request) PathSegment(i int) (string, error) { return ask(SysPathSegment, uintptr(i)) }

// Host returns the host that was asked for, in lower case, without port.
func (r Request) Host() string { return fact(SysHost) }

// Query returns the first value of that name in the query, decoded. ErrNone: there
// is none.
func (r Request) Query(name string) (string, error) {
	b, err := askNamed(SysQueryGet, name)
	return string(b), err
}

// SetQuery sets the value of that name in the query. It changes what goes on to
// cache and server.
func (r Request) SetQuery(name, value string) error { return done(pair(SysQuerySet, name, value)) }

// DelQuery removes a name from the query and returns how often it was there.
func (r Request) DelQuery(name string) int { return max(0, named(SysQueryUnset, name)) }

// Cookie returns the value of the cookie of that name. ErrNone: there is none.
func (r Request) Cookie(name string) (string, error) {
	b, err := askNamed(SysCookieGet, name)
	return string(b), err
}

// ID is what the logs call the request.
func (r Request) ID() string { return fact(SysRequestID) }

// Scheme is "http" or "https".
func (r Request) Scheme() string { return fact(SysScheme) }

// ClientAddr returns the client's address, without port.
func (r Request) ClientAddr() string { return fact(SysClientAddress) }

// ClientPort returns the client's port.
func (r Request) ClientPort() int { return Call(SysClientPort) }

// LocalAddr returns address and port that the client spoke to.
func (r Request) LocalAddr() string { return fact(SysLocalAddress) }

// TLSFact is something about the client's TLS connection.
type TLSFact int

// The facts.
const (
	TLSVersion TLSFact = iota
	TLSCipher
	TLSServerName
	TLSProtocol
	TLSClientName // of the certificate
	TLSJA4
)

// TLS returns a fact; ErrNone without TLS.
func (r Request) TLS(f TLSFact) (string, error) { return ask(SysTLSFact, uintptr(f)) }

// TenantName is what the configuration calls the tenant.
func TenantName() string { return fact(SysTenantName) }

// fact is a text that there is with every request.
func fact(n int) string {
	s, _ := ask(n)
	return s
}
