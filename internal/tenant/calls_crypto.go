package tenant

import (
	"errors"
	"time"

	"fishplate/internal/tenant/sign"
)

func cryptoCalls() []Call {
	return []Call{
		{690, "HMAC", "a0 algorithm; a1, a2 key; a3, a4 data; a5, a6 destination, size", "a0 = length", "FP_E_INVALID: unknown algorithm", "1500 + 4·length", "Message authentication code (RFC 2104). Algorithms: 1 SHA-1, 256, 384, 512.", sysHMAC},
		{691, "VERIFY", "a0 record {algorithm, key, length, data, length, signature, length}", "a0 = 1 or 0", "FP_E_INVALID: unknown algorithm, or a key that is not for it", "by key, 80,000 to 3,000,000, and 4·length", "Verifies a signature. Algorithms: 0 Ed25519, 1 ECDSA on P-256, P-384 or P-521 with SHA-256, SHA-384 or SHA-512, ASN.1 signature, 2 RSA PKCS #1 v1.5 with SHA-256, 3 RSA-PSS with SHA-256. The key is a SubjectPublicKeyInfo in DER or PEM, or 32 bytes of Ed25519.", sysVerify},
		{692, "AEAD_SEAL", "a0 record {key, length, nonce, length, data, length, extra, length, destination, size}", "a0 = length", "FP_E_INVALID: a key not of 16, 24 or 32 bytes, a nonce not of 12", "1500 + 2·length", "AES-GCM: the data encrypted, with a tag of 16 bytes behind it.", sysAEADSeal},
		{693, "AEAD_OPEN", "a0 record as AEAD_SEAL", "a0 = length", "FP_E_INVALID as AEAD_SEAL; FP_E_DENIED: not authentic", "1500 + 2·length", "The opposite.", sysAEADOpen},
		{694, "HASH", "a0 algorithm, 1 SHA-1, 256, 384, 512, 5 MD5; a1, a2 data; a3, a4 destination, size", "a0 = length", "FP_E_INVALID: unknown algorithm", "500 + 4·length", "Digest of the data.", sysHash},
		{695, "JWT_VERIFY", "a0 record {token, length, key, length, algorithms, length, destination, size}", "a0 = length", "FP_E_INVALID: malformed, or no key for it; FP_E_DENIED: the signature, or an algorithm that is not listed; FP_E_TIME: expired, or not valid yet", "100,000 and as VERIFY", "Verifies a JSON Web Token and gives its claims. The key is a public key in PEM, a JWK, a JWKS, or, for HS algorithms only, a secret of bytes. Algorithms are separated by spaces, `RS256 ES256`; never none.", sysJWTVerify},
	}
}

// payFor charges for work before it is done, and ends the call when that is
// more than it has left.
func (v *vm) payFor(pace *pacer, cost uint64) error {
	if err := v.spend(cost); err != nil {
		return err
	}
	_, err := pace.fuel()
	return err
}

// signError answers what went wrong with a key, a text or a token; a trap it
// hands on.
func (v *vm) signError(err error) error {
	switch {
	case errors.Is(err, sign.ErrAuthentic), errors.Is(err, sign.ErrSignature):
		v.wrong(errDenied, err.Error())
	case errors.Is(err, sign.ErrExpired), errors.Is(err, sign.ErrEarly):
		v.wrong(errTime, err.Error())
	case errors.Is(err, sign.ErrAlgorithm), errors.Is(err, sign.ErrKey), errors.Is(err, sign.ErrNonce),
		errors.Is(err, sign.ErrToken), errors.Is(err, sign.ErrNoKey), errors.Is(err, sign.ErrList):
		v.wrong(errInvalid, err.Error())
	default:
		return err
	}
	return nil
}

// made gives what a call made, or answers its error.
func (v *vm) made(out []byte, err error, dst, size uint64) error {
	if v.bench.out = out; err != nil {
		return v.signError(err)
	}
	return v.give(out, dst, size)
}

func sysHMAC(v *vm, pace *pacer) error {
	key, err := v.given(1)
	if err != nil {
		return err
	}
	data, err := v.given(3)
	if err != nil {
		return err
	}
	if err := v.payFor(pace, 1500+4*uint64(len(key)+len(data))); err != nil {
		return err
	}
	out, err := sign.HMAC(v.bench.out[:0], v.arg(0), key, data)
	return v.made(out, err, v.arg(5), v.arg(6))
}

func sysHash(v *vm, pace *pacer) error {
	data, err := v.given(1)
	if err != nil {
		return err
	}
	if err := v.payFor(pace, 500+4*uint64(len(data))); err != nil {
		return err
	}
	out, err := sign.Digest(v.bench.out[:0], v.arg(0), data)
	return v.made(out, err, v.arg(3), v.arg(4))
}

func sysVerify(v *vm, pace *pacer) error {
	var words [7]uint64
	if err := v.record(words[:]); err != nil {
		return err
	}
	var texts [3][]byte
	for i := range texts {
		b, err := v.buffer(words[1+2*i], words[2+2*i])
		if err != nil {
			return err
		}
		texts[i] = b
	}
	v.m.Charge(20_000)
	if len(texts[0]) > 64<<10 {
		v.wrong(errInvalid, sign.ErrKey.Error())
		return nil
	}
	key, err := sign.ParseKey(texts[0])
	if err != nil {
		return v.signError(err)
	}
	if err := v.payFor(pace, sign.Cost(key)+4*uint64(len(texts[1]))); err != nil {
		return err
	}
	ok, err := sign.Verify(words[0], key, texts[1], texts[2])
	if err != nil {
		return v.signError(err)
	}
	return v.flag(ok)
}

// crypt serves both directions of AES-GCM.
func (v *vm) crypt(pace *pacer, do func(dst, key, nonce, data, extra []byte) ([]byte, error)) error {
	var words [10]uint64
	var key, nonce, data, extra []byte
	if err := v.buffers(words[:], &key, &nonce, &data, &extra); err != nil {
		return err
	}
	if err := v.payFor(pace, 1500+2*uint64(len(data)+len(extra))); err != nil {
		return err
	}
	out, err := do(v.bench.out[:0], key, nonce, data, extra)
	return v.made(out, err, words[8], words[9])
}

func sysAEADSeal(v *vm, pace *pacer) error { return v.crypt(pace, sign.Seal) }
func sysAEADOpen(v *vm, pace *pacer) error { return v.crypt(pace, sign.Open) }

func sysJWTVerify(v *vm, pace *pacer) error {
	var words [8]uint64
	var token, key, algorithms []byte
	if err := v.buffers(words[:], &token, &key, &algorithms); err != nil {
		return err
	}
	if err := v.payFor(pace, 100_000+20*uint64(len(token)+len(key)+len(algorithms))); err != nil {
		return err
	}
	if len(algorithms) > 256 {
		v.wrong(errInvalid, sign.ErrList.Error())
		return nil
	}
	claims, err := sign.Token(token, key, string(algorithms), func() (time.Time, error) {
		seconds, nanos, err := v.now(pace.ctx)
		return time.Unix(seconds, nanos), err
	}, func(cost uint64) error { return v.payFor(pace, cost) })
	if err != nil {
		return v.signError(err)
	}
	return v.give(claims, words[6], words[7])
}
