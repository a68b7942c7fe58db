package sign

import (
	"errors"
	"testing"
	"time"
)

// FuzzToken verifies whatever a guest may call a token by whatever it may call a
// key: nothing panics, and nothing is authentic by a key that did not sign it.
func FuzzToken(f *testing.F) {
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl"
	for _, key := range []string{"secret", `{"kty":"oct","k":"c2VjcmV0"}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`,
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", `{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, "0123456789abcdef0123456789abcdef"} {
		f.Add([]byte(token), []byte(key), "HS256 RS256 ES256 EdDSA")
	}
	f.Add([]byte("a.b.c"), []byte("\x30\x82"), "none")
	f.Fuzz(func(t *testing.T, token, key []byte, algorithms string) {
		claims, err := Token(token, key, algorithms, func() (time.Time, error) { return time.Unix(1, 0), nil }, func(uint64) error { return nil })
		if err == nil && len(claims) == 0 {
			t.Error("verified, without claims")
		}
		if err != nil && !errors.Is(err, ErrExpired) && !errors.Is(err, ErrEarly) && claims != nil {
			t.Errorf("claims %q of a token that is refused: %v", claims, err)
		}
		k, err := ParseKey(key)
		if err != nil {
			return
		}
		Cost(k)
		for a := range uint64(5) {
			_, _ = Verify(a, k, token, []byte(algorithms))
		}
	})
}
