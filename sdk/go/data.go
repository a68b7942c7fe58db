package fishplate

// JSON and XML by the host: for one value out of a large text it is cheaper than
// encoding/json, which the program runs itself.

// JSONType is what stands at a path.
type JSONType int

// The types.
const (
	JSONNull JSONType = iota
	JSONFalse
	JSONTrue
	JSONNumber
	JSONString
	JSONArray
	JSONObject
)

// JSONValid reports whether a text is JSON.
func JSONValid(s string) bool { return named(SysJSONValid, s) == 1 }

// JSONGet returns the value at a path, like a.b.0.c, as a text; strings without
// quotes. ErrNone: nothing is there; ErrInvalid: text or path is malformed.
func JSONGet(s, path string) (string, error) { return at(SysJSONGet, s, path) }

// JSONTypeOf returns what stands at a path. Errors are JSONGet's.
func JSONTypeOf(s, path string) (JSONType, error) {
	n, err := count(pair(SysJSONType, s, path))
	return JSONType(n), err
}

// JSONCount returns how many elements an array or object has. ErrNone: there is
// something else; other errors are JSONGet's.
func JSONCount(s, path string) (int, error) { return count(pair(SysJSONCount, s, path)) }

// JSONQuote returns the text as a JSON string. What is not UTF-8 becomes U+FFFD.
func JSONQuote(s string) (string, error) { return coded(SysJSONQuote, s) }

// JSONSet returns the text with a value, itself JSON, at a path. A name that is
// not there is added, and an empty value removes. ErrNone: the path leads through
// something else; ErrInvalid: text, path or value is malformed.
func JSONSet(s, path, value string) (string, error) {
	return text(func(b []byte) int {
		return record(SysJSONSet, uintptr(start(s)), uintptr(len(s)), uintptr(start(path)), uintptr(len(path)),
			uintptr(start(value)), uintptr(len(value)), uintptr(first(b)), uintptr(len(b)))
	})
}

// XMLValid reports whether a text is well-formed XML.
func XMLValid(s string) bool { return named(SysXMLValid, s) == 1 }

// XMLGet returns the text at a path, like a/b[2]/@id. ErrNone: nothing is there;
// ErrInvalid: text or path is malformed.
func XMLGet(s, path string) (string, error) { return at(SysXMLGet, s, path) }

// XMLCount returns how many elements there are at a path. ErrInvalid: text or path
// is malformed.
func XMLCount(s, path string) (int, error) { return count(pair(SysXMLCount, s, path)) }

// XMLEscape returns the text as it stands between tags.
func XMLEscape(s string) (string, error) { return coded(SysXMLEscape, s) }

// at asks for what stands at a path of a document.
func at(n int, s, path string) (string, error) {
	return text(func(b []byte) int {
		return Call(n, uintptr(start(s)), uintptr(len(s)), uintptr(start(path)), uintptr(len(path)), uintptr(first(b)), uintptr(len(b)))
	})
}

// coded asks for another form of a text.
func coded(n int, s string) (string, error) {
	b, err := askNamed(n, s)
	return string(b), err
}

// flagged is coded with flags before the text.
func flagged(n int, flags Coding, s string) (string, error) {
	return text(func(b []byte) int {
		return Call(n, uintptr(flags), uintptr(start(s)), uintptr(len(s)), uintptr(first(b)), uintptr(len(b)))
	})
}

// Coding is how a text is coded; 0 is the common way.
type Coding int

// Ways other than the common one.
const (
	Base64URL   Coding = 1 // with the alphabet of URLs
	Base64Bare  Coding = 2 // without padding
	PercentForm Coding = 1 // as in forms: + is a space
	HexUpper    Coding = 1
)

// Base64Encode encodes bytes.
func Base64Encode(c Coding, b []byte) (string, error) { return flagged(SysBase64Encode, c, string(b)) }

// Base64Decode decodes, exactly. ErrInvalid: the text is malformed.
func Base64Decode(c Coding, s string) ([]byte, error) {
	t, err := flagged(SysBase64TextDecode, c, s)
	return []byte(t), err
}

// PercentEncode encodes what is not unreserved in a URL.
func PercentEncode(c Coding, s string) (string, error) { return flagged(SysPercentEncode, c, s) }

// PercentDecode decodes. ErrInvalid: the text is malformed.
func PercentDecode(c Coding, s string) (string, error) { return flagged(SysPercentDecode, c, s) }

// HexEncode encodes bytes.
func HexEncode(c Coding, b []byte) (string, error) { return flagged(SysHexEncode, c, string(b)) }

// HexDecode decodes. ErrInvalid: the text is malformed.
func HexDecode(s string) ([]byte, error) {
	t, err := flagged(SysHexDecode, 0, s)
	return []byte(t), err
}
