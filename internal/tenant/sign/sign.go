package sign

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"hash"
)

// Algorithms of digests.
const (
	SHA1   = 1
	MD5    = 5
	SHA256 = 256
	SHA384 = 384
	SHA512 = 512
)

// Algorithms of signatures.
const (
	Ed25519 = iota
	ECDSA
	RSAPKCS1
	RSAPSS
)

// Errors. Their texts are for whoever writes the guest.
var (
	ErrAlgorithm = errors.New("the algorithm is unknown")
	ErrKey       = errors.New("the key is malformed, or not for this algorithm")
	ErrNonce     = errors.New("the nonce does not have 12 bytes")
	ErrAuthentic = errors.New("the data is not authentic")
)

func newHash(algorithm uint64) func() hash.Hash {
	switch algorithm {
	case SHA1:
		return sha1.New
	case SHA256:
		return sha256.New
	case SHA384:
		return sha512.New384
	case SHA512:
		return sha512.New
	}
	return nil
}

// Digest appends the digest of data.
func Digest(dst []byte, algorithm uint64, data []byte) ([]byte, error) {
	switch algorithm {
	case MD5:
		sum := md5.Sum(data)
		return append(dst, sum[:]...), nil
	case SHA256:
		sum := sha256.Sum256(data)
		return append(dst, sum[:]...), nil
	}
	make := newHash(algorithm)
	if make == nil {
		return dst, ErrAlgorithm
	}
	h := make()
	h.Write(data)
	return h.Sum(dst), nil
}

// HMAC appends the authentication code of data (RFC 2104).
func HMAC(dst []byte, algorithm uint64, key, data []byte) ([]byte, error) {
	make := newHash(algorithm)
	if make == nil {
		return dst, ErrAlgorithm
	}
	h := hmac.New(make, key)
	h.Write(data)
	return h.Sum(dst), nil
}

func gcm(key, nonce []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, ErrKey
	}
	if len(nonce) != 12 {
		return nil, ErrNonce
	}
	return cipher.NewGCM(block)
}

// Seal appends data encrypted by AES-GCM, and its tag.
func Seal(dst, key, nonce, data, extra []byte) ([]byte, error) {
	aead, err := gcm(key, nonce)
	if err != nil {
		return dst, err
	}
	return aead.Seal(dst, nonce, data, extra), nil
}

// Open appends what Seal encrypted, or says that it is not authentic.
func Open(dst, key, nonce, data, extra []byte) ([]byte, error) {
	aead, err := gcm(key, nonce)
	if err != nil {
		return dst, err
	}
	out, err := aead.Open(dst, nonce, data, extra)
	if err != nil {
		return dst, ErrAuthentic
	}
	return out, nil
}

const maxModulus = 8192 // bits of an RSA key

// ParseKey reads a public key: SubjectPublicKeyInfo in DER or PEM, a certificate
// or PKCS #1 key in PEM, or the 32 bytes of an Ed25519 key.
func ParseKey(b []byte) (crypto.PublicKey, error) {
	if len(b) == ed25519.PublicKeySize {
		return ed25519.PublicKey(append([]byte(nil), b...)), nil
	}
	kind := "PUBLIC KEY"
	if block, _ := pem.Decode(b); block != nil {
		b, kind = block.Bytes, block.Type
	}
	var key any
	var err error
	switch kind {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(b)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(b)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(b); err == nil {
			key = c.PublicKey
		}
	default:
		return nil, ErrKey
	}
	if err != nil || !usable(key) {
		return nil, ErrKey
	}
	return key, nil
}

// usable refuses keys whose use would cost more than Cost says.
func usable(key any) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= 1024 && k.N.BitLen() <= maxModulus
	case *ecdsa.PublicKey:
		return k.Curve == elliptic.P256() || k.Curve == elliptic.P384() || k.Curve == elliptic.P521()
	case ed25519.PublicKey:
		return len(k) == ed25519.PublicKeySize
	}
	return false
}

// Cost returns about how many nanoseconds a verification by a key takes.
func Cost(key any) uint64 {
	switch k := key.(type) {
	case *rsa.PublicKey:
		bits := uint64(k.N.BitLen())
		return 20_000 + bits*bits/100
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P384():
			return 800_000
		case elliptic.P521():
			return 3_000_000
		}
		return 120_000
	}
	return 80_000
}

// Verify reports whether a signature of data was made by the key's owner.
func Verify(algorithm uint64, key crypto.PublicKey, data, signature []byte) (bool, error) {
	switch algorithm {
	case Ed25519:
		if k, ok := key.(ed25519.PublicKey); ok {
			return ed25519.Verify(k, data, signature), nil
		}
	case ECDSA:
		if k, ok := key.(*ecdsa.PublicKey); ok {
			return ecdsa.VerifyASN1(k, curveDigest(k, data), signature), nil
		}
	case RSAPKCS1:
		if k, ok := key.(*rsa.PublicKey); ok {
			sum := sha256.Sum256(data)
			return rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], signature) == nil, nil
		}
	case RSAPSS:
		if k, ok := key.(*rsa.PublicKey); ok {
			sum := sha256.Sum256(data)
			return rsa.VerifyPSS(k, crypto.SHA256, sum[:], signature, nil) == nil, nil
		}
	default:
		return false, ErrAlgorithm
	}
	return false, ErrKey
}

// curveDigest is the digest that goes with the curve of a key.
func curveDigest(k *ecdsa.PublicKey, data []byte) []byte {
	switch k.Curve {
	case elliptic.P384():
		sum := sha512.Sum384(data)
		return sum[:]
	case elliptic.P521():
		sum := sha512.Sum512(data)
		return sum[:]
	}
	sum := sha256.Sum256(data)
	return sum[:]
}
