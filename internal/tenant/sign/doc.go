// Package sign does cryptography for guests: message authentication, digests,
// verification of signatures and of JSON Web Tokens, and AES-GCM. All of it is
// the standard library's; tokens are read by go-jose.
//
// A key decides what it may be used for: a public key never serves as the secret
// of an HMAC, whatever a token's head says, and there is no algorithm "none".
// Nothing is kept, and keys are not copied beyond a call.
package sign
