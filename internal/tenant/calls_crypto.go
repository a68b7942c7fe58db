package tenant

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
