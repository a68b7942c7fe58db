package cert

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"slices"
)

// A Greeter is a connection that wants to know what its client said first. The
// configurations of a Store show it that, before anything is answered.
type Greeter interface {
	// Greeted gets the ClientHello's facts, which are valid for the call only.
	Greeted(h *tls.ClientHelloInfo)
}

// greet shows the ClientHello to the connection and leaves the configuration as
// it is.
func greet(h *tls.ClientHelloInfo) (*tls.Config, error) {
	if g, ok := h.Conn.(Greeter); ok {
		g.Greeted(h)
	}
	return nil, nil
}

// The extensions that JA4 counts but leaves out of its list, since they say
// where a client goes and not what it is.
const (
	extensionSNI  = 0
	extensionALPN = 16
)

// ja4Most is how many ciphers, extensions or signature schemes a fingerprint is
// made of. No client has a fraction of it, but a message of 64 KiB has room for
// 32,000, which nobody may have sorted before the handshake.
const ja4Most = 512

// JA4 returns the fingerprint of a ClientHello over TCP by FoxIO's JA4 (2023):
// what it offers, in an order of its own, so that clients that shuffle stay the
// same. It is text like t13d1516h2_8daaf6152771_e5627efa2ab1, and "" for a
// message that lists more than 512 of anything.
func JA4(h *tls.ClientHelloInfo) string {
	if max(len(h.CipherSuites), len(h.Extensions), len(h.SignatureSchemes), len(h.SupportedVersions)) > ja4Most {
		return ""
	}
	ciphers, extensions := genuine(h.CipherSuites), genuine(h.Extensions)
	to := "i"
	if slices.Contains(extensions, extensionSNI) {
		to = "d"
	}
	head := fmt.Sprintf("t%s%s%02d%02d%s", ja4Version(h.SupportedVersions), to, min(len(ciphers), 99), min(len(extensions), 99), ja4Protocol(h.SupportedProtos))
	slices.Sort(ciphers)
	slices.Sort(extensions)
	extensions = slices.DeleteFunc(extensions, func(n uint16) bool { return n == extensionSNI || n == extensionALPN })
	list := appendHex(nil, extensions)
	if schemes := genuine(h.SignatureSchemes); len(schemes) > 0 && len(list) > 0 {
		list = appendHex(append(list, '_'), schemes)
	}
	return head + "_" + ja4Hash(appendHex(nil, ciphers)) + "_" + ja4Hash(list)
}

// genuine returns a copy without the values that clients make up to keep servers
// from choking on new ones (RFC 8701).
func genuine[T ~uint16](list []T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(n T) bool { return n&0x0f0f == 0x0a0a && n>>8 == n&0xff })
}

func ja4Version(list []uint16) string {
	versions := genuine(list)
	if len(versions) == 0 {
		return "00"
	}
	switch slices.Max(versions) {
	case tls.VersionTLS13:
		return "13"
	case tls.VersionTLS12:
		return "12"
	case tls.VersionTLS11:
		return "11"
	case tls.VersionTLS10:
		return "10"
	}
	return "00"
}

// ja4Protocol is the first and the last character of the first protocol.
func ja4Protocol(list []string) string {
	if len(list) == 0 || list[0] == "" {
		return "00"
	}
	first, last := list[0][0], list[0][len(list[0])-1]
	if alphanumeric(first) && alphanumeric(last) {
		return string([]byte{first, last})
	}
	digits := hex.EncodeToString([]byte(list[0]))
	return string([]byte{digits[0], digits[len(digits)-1]})
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// appendHex appends numbers of four digits each, with commas between them.
func appendHex[T ~uint16](dst []byte, list []T) []byte {
	for i, n := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = hex.AppendEncode(dst, []byte{byte(n >> 8), byte(n)})
	}
	return dst
}

// ja4Hash is 12 digits of a list's digest; of an empty list it is zeros.
func ja4Hash(list []byte) string {
	if len(list) == 0 {
		return "000000000000"
	}
	sum := sha256.Sum256(list)
	return hex.EncodeToString(sum[:6])
}
