package cert

import (
	"crypto/tls"
	"net"
	"regexp"
	"slices"
	"testing"
)

// browser is the example of JA4's own description, with values that are made up
// (RFC 8701) among the real ones.
func browser() *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		CipherSuites: []uint16{0x4a4a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
		Extensions: []uint16{0x2a2a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b,
			0x000a, 0x0015, 0xfafa},
		SignatureSchemes:  []tls.SignatureScheme{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
		SupportedProtos:   []string{"h2", "http/1.1"},
		SupportedVersions: []uint16{0x6a6a, tls.VersionTLS13, tls.VersionTLS12},
	}
}

func TestJA4(t *testing.T) {
	with := func(change func(h *tls.ClientHelloInfo)) *tls.ClientHelloInfo {
		h := browser()
		change(h)
		return h
	}
	for name, c := range map[string]struct {
		hello *tls.ClientHelloInfo
		want  string
	}{
		"as described": {browser(), "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		"shuffled": {with(func(h *tls.ClientHelloInfo) {
			slices.Reverse(h.CipherSuites)
			slices.Reverse(h.Extensions)
		}), "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		"made-up schemes": {with(func(h *tls.ClientHelloInfo) {
			h.SignatureSchemes = append([]tls.SignatureScheme{0xdada}, h.SignatureSchemes...)
		}), "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		"no schemes": {with(func(h *tls.ClientHelloInfo) { h.SignatureSchemes = nil }), "t13d1516h2_8daaf6152771_6d807ffa2a79"},
		"no name": {with(func(h *tls.ClientHelloInfo) {
			h.Extensions = slices.DeleteFunc(h.Extensions, func(n uint16) bool { return n == extensionSNI })
		}), "t13i1515h2_8daaf6152771_e5627efa2ab1"},
		"next to nothing": {&tls.ClientHelloInfo{SupportedVersions: []uint16{tls.VersionTLS12}}, "t12i000000_000000000000_000000000000"},
		"many": {with(func(h *tls.ClientHelloInfo) {
			h.Extensions = slices.Repeat([]uint16{extensionSNI}, ja4Most)
		}), "t13d1599h2_8daaf6152771_000000000000"},
		"too many ciphers":    {with(func(h *tls.ClientHelloInfo) { h.CipherSuites = make([]uint16, ja4Most+1) }), ""},
		"too many extensions": {with(func(h *tls.ClientHelloInfo) { h.Extensions = make([]uint16, ja4Most+1) }), ""},
		"too many schemes":    {with(func(h *tls.ClientHelloInfo) { h.SignatureSchemes = make([]tls.SignatureScheme, 32_000) }), ""},
	} {
		if got := JA4(c.hello); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestJA4Protocol has the description's examples of names that are not text.
func TestJA4Protocol(t *testing.T) {
	for first, want := range map[string]string{
		"h2": "h2", "http/1.1": "h1", "x": "xx", "": "00", "\xab": "ab", "\xab\xcd": "ad", "0\xab": "3b", "01\xab\xcd": "3d", "0\xab\xcd1": "01",
	} {
		if got := ja4Protocol([]string{first, "h3"}); got != want {
			t.Errorf("%q: %s, want %s", first, got, want)
		}
	}
}

// greeted is a connection that keeps the fingerprint.
type greeted struct {
	net.Conn
	print string
}

func (g *greeted) Greeted(h *tls.ClientHelloInfo) { g.print = JA4(h) }

// TestGreeting: a real client's first message reaches the connection, whatever
// becomes of the handshake.
func TestGreeting(t *testing.T) {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		client := tls.Client(far, &tls.Config{ServerName: "shop.example", NextProtos: []string{"h2"}, InsecureSkipVerify: true})
		_ = client.Handshake() // there is no certificate
		_ = far.Close()
	}()
	conn := &greeted{Conn: near}
	if err := tls.Server(conn, &tls.Config{GetConfigForClient: greet}).Handshake(); err == nil {
		t.Error("a handshake without a certificate")
	}
	_ = near.Close()
	<-done
	if ok, _ := regexp.MatchString(`^t13d[0-9]{4}h2_[0-9a-f]{12}_[0-9a-f]{12}$`, conn.print); !ok {
		t.Errorf("the connection was told %q", conn.print)
	}
}
