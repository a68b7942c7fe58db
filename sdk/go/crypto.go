package fishplate

// Algorithm is one of digests.
type Algorithm int

// The algorithms; MD5 is not one of HMAC.
const (
	SHA1   Algorithm = 1
	MD5    Algorithm = 5
	SHA256 Algorithm = 256
	SHA384 Algorithm = 384
	SHA512 Algorithm = 512
)

// Digest returns the digest of data.
func Digest(a Algorithm, data []byte) ([]byte, error) {
	return take(func(b []byte) int {
		return Call(SysHash, uintptr(a), uintptr(first(data)), uintptr(len(data)), uintptr(first(b)), uintptr(len(b)))
	})
}

// HMAC returns the authentication code of data. ErrInvalid: the algorithm is MD5.
func HMAC(a Algorithm, key, data []byte) ([]byte, error) {
	return take(func(b []byte) int {
		return Call(SysHMAC, uintptr(a), uintptr(first(key)), uintptr(len(key)), uintptr(first(data)), uintptr(len(data)), uintptr(first(b)), uintptr(len(b)))
	})
}

// Scheme is one of signatures.
type Scheme int

// The schemes: ECDSA with the digest of its curve, RSA with SHA-256.
const (
	Ed25519 Scheme = iota
	ECDSA
	RSAPKCS1
	RSAPSS
)

// Verify reports whether the signature of data is the key's, which is in PEM or
// DER, or 32 bytes of Ed25519. ErrInvalid: the key is not one for that scheme.
func Verify(s Scheme, key, data, signature []byte) (bool, error) {
	n, err := count(record(SysVerify, uintptr(s), uintptr(first(key)), uintptr(len(key)), uintptr(first(data)), uintptr(len(data)), uintptr(first(signature)), uintptr(len(signature))))
	return n == 1, err
}

// Seal encrypts data by AES-GCM, with a key of 16, 24 or 32 bytes and a nonce of
// 12; extra is authenticated, too. The result is 16 bytes longer. ErrInvalid: key
// or nonce have another length.
func Seal(key, nonce, data, extra []byte) ([]byte, error) {
	return sealed(SysAEADSeal, key, nonce, data, extra)
}

// Open decrypts what Seal made: ErrDenied when it is not authentic.
func Open(key, nonce, data, extra []byte) ([]byte, error) {
	return sealed(SysAEADOpen, key, nonce, data, extra)
}

func sealed(n int, key, nonce, data, extra []byte) ([]byte, error) {
	return take(func(b []byte) int {
		return record(n, uintptr(first(key)), uintptr(len(key)), uintptr(first(nonce)), uintptr(len(nonce)), uintptr(first(data)), uintptr(len(data)),
			uintptr(first(extra)), uintptr(len(extra)), uintptr(first(b)), uintptr(len(b)))
	})
}

// JWTVerify returns the claims of a token as JSON. The key is a public key in PEM,
// a JWK, a JWKS or a secret; algorithms are like "RS256 ES256". ErrTime: expired;
// ErrDenied: the signature is not the key's. ErrInvalid: it is malformed, or no
// key is for it.
func JWTVerify(token, key, algorithms string) (string, error) {
	return text(func(b []byte) int {
		return record(SysJWTVerify, uintptr(start(token)), uintptr(len(token)), uintptr(start(key)), uintptr(len(key)),
			uintptr(start(algorithms)), uintptr(len(algorithms)), uintptr(first(b)), uintptr(len(b)))
	})
}
