package sign

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of tokens and keys.
const (
	maxToken = 64 << 10 // bytes
	maxKeys  = 256 << 10
	maxTried = 4 // keys of a set that have no name, or the same
)

// Errors of tokens.
var (
	ErrToken     = errors.New("the token is malformed")
	ErrNoKey     = errors.New("there is no key for the token")
	ErrList      = errors.New("the list of algorithms has one that is unknown, or none")
	ErrSignature = errors.New("the signature is not valid, or its algorithm not allowed")
	ErrExpired   = errors.New("the token has expired")
	ErrEarly     = errors.New("the token is not valid yet")
)

func known() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.HS256, jose.HS384, jose.HS512, jose.RS256, jose.RS384, jose.RS512,
		jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
}

// Token verifies a JSON Web Token in compact form (RFC 7519) and returns its
// claims. algorithms lists what is allowed, separated by spaces; now is asked
// for the time when the signature holds; pay is told what each verification
// costs before it is made.
func Token(token, key []byte, algorithms string, now func() (time.Time, error), pay func(cost uint64) error) ([]byte, error) {
	if len(token) > maxToken || len(key) > maxKeys {
		return nil, ErrToken
	}
	allowed, err := list(algorithms)
	if err != nil {
		return nil, err
	}
	signed, err := jose.ParseSignedCompact(string(bytes.TrimSpace(token)), allowed)
	if err != nil {
		var other *jose.ErrUnexpectedSignatureAlgorithm
		if errors.As(err, &other) {
			return nil, ErrSignature
		}
		return nil, ErrToken
	}
	head := signed.Signatures[0].Header
	keys, err := candidates(key, head)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if err := pay(Cost(k)); err != nil {
			return nil, err
		}
		claims, err := signed.Verify(k)
		if err != nil {
			continue
		}
		at, err := now()
		if err != nil {
			return nil, err
		}
		return claims, current(claims, at)
	}
	return nil, ErrSignature
}

func list(algorithms string) ([]jose.SignatureAlgorithm, error) {
	var allowed []jose.SignatureAlgorithm
	for name := range strings.FieldsSeq(algorithms) {
		a := jose.SignatureAlgorithm(name)
		if !slices.Contains(known(), a) {
			return nil, ErrList
		}
		allowed = append(allowed, a)
	}
	if len(allowed) == 0 || len(allowed) > len(known()) {
		return nil, ErrList
	}
	return allowed, nil
}

// candidates reads the key's text and returns what may verify a token with that
// head. What looks like a public key is never taken for the bytes of a secret.
func candidates(text []byte, head jose.Header) ([]any, error) {
	trimmed := bytes.TrimSpace(text)
	switch {
	case bytes.HasPrefix(trimmed, []byte("{")):
		return fromJSON(trimmed, head)
	case bytes.HasPrefix(trimmed, []byte("-----BEGIN")):
		k, err := ParseKey(trimmed)
		if err != nil {
			return nil, err
		}
		return []any{k}, nil
	case strings.HasPrefix(head.Algorithm, "HS"):
		if _, err := ParseKey(text); err == nil && len(text) != 32 {
			return nil, ErrKey // a public key in DER
		}
		if len(text) == 0 {
			return nil, ErrKey
		}
		return []any{text}, nil
	}
	k, err := ParseKey(text)
	if err != nil {
		return nil, err
	}
	return []any{k}, nil
}

// fromJSON picks the keys of a JWK or a JWKS that are meant for a token.
func fromJSON(text []byte, head jose.Header) ([]any, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, ErrKey
	}
	if set.Keys == nil {
		var one jose.JSONWebKey
		if err := json.Unmarshal(text, &one); err != nil {
			return nil, ErrKey
		}
		set.Keys = []jose.JSONWebKey{one}
	}
	var list []any
	for _, k := range set.Keys {
		if head.KeyID != "" && k.KeyID != "" && k.KeyID != head.KeyID || k.Algorithm != "" && k.Algorithm != head.Algorithm || k.Use == "enc" {
			continue
		}
		key := k.Key
		if _, secret := key.([]byte); !secret {
			key = k.Public().Key
			if !usable(key) {
				continue
			}
		}
		if list = append(list, key); len(list) == maxTried {
			break
		}
	}
	if len(list) == 0 {
		return nil, ErrNoKey
	}
	return list, nil
}

// current checks the times in the claims, which must be an object.
func current(claims []byte, now time.Time) error {
	var times struct {
		Expires   *json.Number `json:"exp"`
		NotBefore *json.Number `json:"nbf"`
	}
	if err := json.Unmarshal(claims, &times); err != nil {
		return ErrToken
	}
	at := float64(now.UnixNano()) / 1e9
	for _, c := range []struct {
		n     *json.Number
		wrong func(float64) bool
		err   error
	}{
		{times.Expires, func(t float64) bool { return at >= t }, ErrExpired},
		{times.NotBefore, func(t float64) bool { return at < t }, ErrEarly},
	} {
		if c.n == nil {
			continue
		}
		t, err := c.n.Float64()
		if err != nil {
			return ErrToken
		}
		if c.wrong(t) {
			return c.err
		}
	}
	return nil
}
