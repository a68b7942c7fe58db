package tenant

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"fishplate/internal/model"
)

// Digest is what the signature of a program signs: the SHA-256 of the tenant's
// name, a zero byte and the file. The name keeps a program that was signed for
// one tenant from being given to another.
func Digest(name string, elf []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write(elf)
	return [sha256.Size]byte(h.Sum(nil))
}

// Sign returns the signature of a program for the tenant of that name.
func Sign(key ed25519.PrivateKey, name string, elf []byte) []byte {
	d := Digest(name, elf)
	return ed25519.Sign(key, d[:])
}

// signatureOf reads what lies beside a program.
func (s *Set) signatureOf(ctx context.Context, t *model.Tenant, program string) ([]byte, error) {
	signature, err := s.o.ReadFile(ctx, program+".sig")
	if err != nil {
		return nil, fmt.Errorf("%w: the key in the update block of %q wants one in %s.sig: %w", ErrSignature, t.Name, program, err)
	}
	return signature, nil
}

// verify checks a signature, 64 bytes or base64 of them, if the tenant has a key.
func verify(t *model.Tenant, elf, signature []byte) error {
	if t.Key == "" {
		return nil
	}
	key, err := base64.StdEncoding.DecodeString(t.Key)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: the tenant's key is no ed25519 key", ErrSignature)
	}
	if len(signature) == 0 {
		return fmt.Errorf("%w: there is none", ErrSignature)
	}
	if len(signature) != ed25519.SignatureSize {
		text := bytes.TrimSpace(signature)
		signature = make([]byte, base64.StdEncoding.DecodedLen(len(text)))
		n, err := base64.StdEncoding.Decode(signature, text)
		if err != nil || n != ed25519.SignatureSize {
			return fmt.Errorf("%w: neither 64 bytes nor base64 of them", ErrSignature)
		}
		signature = signature[:n]
	}
	d := Digest(t.Name, elf)
	if !ed25519.Verify(key, d[:], signature) {
		return fmt.Errorf("%w: it is not of this program for tenant %q by the tenant's key", ErrSignature, t.Name)
	}
	return nil
}
