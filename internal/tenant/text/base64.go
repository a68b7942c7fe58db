package text

import "encoding/base64"

// DecodeBase64 decodes padded base64 of the standard alphabet (RFC 4648 §4),
// without the line breaks that the library would skip.
func DecodeBase64(src []byte) ([]byte, bool) {
	for _, c := range src {
		if c == '\r' || c == '\n' {
			return nil, false
		}
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(src)))
	n, err := base64.StdEncoding.Decode(out, src)
	return out[:n], err == nil
}
