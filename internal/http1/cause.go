package http1

// Cause names a defect. It is an error whose text is the name, a stable word
// that counters and logs use.
type Cause uint8

// Every defect; the table causes tells each one's name, status and meaning.
const (
	none Cause = iota
	badRequestLine
	badMethod
	badVersion
	unsupportedVersion
	badTarget
	targetTooLong
	schemeMismatch
	badPercent
	nulInPath
	pathAboveRoot
	doubleSlash
	traceRefused
	connectRefused
	tlsOnPlain
	bareLF
	bareCR
	controlByte
	obsFold
	badFieldName
	spaceBeforeColon
	missingColon
	headTooLarge
	tooManyFields
	missingHost
	multipleHost
	badHost
	badContentLength
	conflictingLength
	lengthAndEncoding
	badEncoding
	unsupportedEncoding
	encodingIn10
	badConnection
	protectedConnection
	unknownExpectation
	badChunkSize
	badChunkExtension
	longChunkExtension
	badChunkEnd
	badTrailer
	trailerTooLarge
	badStatusLine
	unexpectedBody
	badUpgrade
	cleanEOF
	truncatedHead
	truncatedBody
	idleTimeout
	headTimeout
	bodyTimeout
	readError
	bodyTooLong
	numCauses
)

// CauseRow describes one defect. Status is what a client is told, 0 when there
// is nobody to tell or nothing was asked; the same defect in an origin's
// response is always 502, or 504 for a timeout.
type CauseRow struct {
	Name   string
	Status int
	Doc    string
}

var causes = [numCauses]CauseRow{
	none:                {},
	badRequestLine:      {"bad-request-line", 400, "the request line is not method SP target SP version (RFC 9112 §3)"},
	badMethod:           {"bad-method", 400, "the method is not a token of at most 64 bytes (RFC 9110 §9.1)"},
	badVersion:          {"bad-version", 400, "the version is not HTTP/DIGIT.DIGIT (RFC 9112 §2.3)"},
	unsupportedVersion:  {"unsupported-version", 505, "the version is neither HTTP/1.1 nor HTTP/1.0"},
	badTarget:           {"bad-target", 400, "the request target has none of the forms of RFC 9112 §3.2, or a byte that may not stand in it"},
	targetTooLong:       {"target-too-long", 414, "the request target is longer than the limit"},
	schemeMismatch:      {"scheme-mismatch", 400, "the target's scheme is not the connection's"},
	badPercent:          {"bad-percent", 400, "a % in the path is not followed by two hexadecimal digits"},
	nulInPath:           {"nul-in-path", 400, "the path contains %00"},
	pathAboveRoot:       {"path-above-root", 400, "dot segments lead above the root"},
	doubleSlash:         {"double-slash", 400, "the path contains // and the listener refuses it"},
	traceRefused:        {"trace-refused", 405, "TRACE is refused: it would echo credentials"},
	connectRefused:      {"connect-refused", 501, "CONNECT is refused: this is no forward proxy"},
	tlsOnPlain:          {"tls-on-plain", 400, "a TLS handshake arrived on a plain connection"},
	bareLF:              {"bare-lf", 400, "a line ends with LF alone"},
	bareCR:              {"bare-cr", 400, "a CR stands elsewhere than before LF"},
	controlByte:         {"control-byte", 400, "a NUL, DEL or other control byte in a field value"},
	obsFold:             {"obs-fold", 400, "a line begins with white space (obsolete line folding, RFC 9112 §5.2)"},
	badFieldName:        {"bad-field-name", 400, "a field name is empty or not a token"},
	spaceBeforeColon:    {"space-before-colon", 400, "white space between a field name and its colon (RFC 9112 §5.1)"},
	missingColon:        {"missing-colon", 400, "a field line without a colon"},
	headTooLarge:        {"head-too-large", 431, "the head is larger than the limit"},
	tooManyFields:       {"too-many-fields", 431, "the head has more fields than the limit"},
	missingHost:         {"missing-host", 400, "an HTTP/1.1 request without Host (RFC 9112 §3.2)"},
	multipleHost:        {"multiple-host", 400, "more than one Host field"},
	badHost:             {"bad-host", 400, "Host, or the target's authority, is not a host name or address with an optional port"},
	badContentLength:    {"bad-content-length", 400, "Content-Length is not a decimal number below 2^63"},
	conflictingLength:   {"conflicting-content-length", 400, "Content-Length fields that differ"},
	lengthAndEncoding:   {"length-and-transfer-encoding", 400, "Content-Length together with Transfer-Encoding"},
	badEncoding:         {"bad-transfer-encoding", 400, "Transfer-Encoding is empty, malformed or applies chunked twice"},
	unsupportedEncoding: {"unsupported-transfer-encoding", 501, "a transfer coding other than a single final chunked"},
	encodingIn10:        {"transfer-encoding-in-1.0", 400, "Transfer-Encoding in an HTTP/1.0 message"},
	badConnection:       {"bad-connection", 400, "Connection is not a list of tokens"},
	protectedConnection: {"connection-names-protected", 400, "Connection names Host or Content-Length, which no hop may drop"},
	unknownExpectation:  {"unknown-expectation", 417, "Expect asks for something other than 100-continue"},
	badChunkSize:        {"bad-chunk-size", 400, "a chunk size is not 1 to 15 hexadecimal digits"},
	badChunkExtension:   {"bad-chunk-extension", 400, "a chunk extension is malformed (RFC 9112 §7.1.1)"},
	longChunkExtension:  {"chunk-extension-too-long", 400, "chunk extensions beyond 256 bytes in a chunk or 4 KiB in a body"},
	badChunkEnd:         {"bad-chunk-end", 400, "a chunk's data is not followed by CRLF"},
	badTrailer:          {"bad-trailer", 400, "a trailer line is not a field"},
	trailerTooLarge:     {"trailer-too-large", 431, "trailers beyond 8 KiB or 64 fields"},
	badStatusLine:       {"bad-status-line", 502, "a response does not begin with a status line (RFC 9112 §4)"},
	unexpectedBody:      {"unexpected-body", 502, "a 1xx or 204 response that announces a body"},
	badUpgrade:          {"bad-upgrade", 502, "a 101 response without Upgrade and Connection: upgrade"},
	cleanEOF:            {"eof", 0, "the peer closed before a first byte"},
	truncatedHead:       {"truncated-head", 400, "the peer closed within a head"},
	truncatedBody:       {"truncated-body", 400, "the peer closed within a body"},
	idleTimeout:         {"idle-timeout", 0, "no first byte in time"},
	headTimeout:         {"head-timeout", 408, "the head did not arrive in time"},
	bodyTimeout:         {"body-timeout", 408, "the body did not arrive in time"},
	readError:           {"read-error", 0, "the connection failed"},
	bodyTooLong:         {"body-left", 0, "more of a body was left than is worth discarding"},
}

// String returns the cause's word.
func (c Cause) String() string { return causes[c].Name }

// Error implements error.
func (c Cause) Error() string { return causes[c].Name }

// Causes returns every defect that this package names.
func Causes() []CauseRow { return append([]CauseRow(nil), causes[1:]...) }
