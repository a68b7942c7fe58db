package filter

import (
	"net/netip"
	"slices"
	"strings"

	"fishplate/internal/message"
	"fishplate/internal/model"

	"github.com/gaissmai/bart"
)

// ForwardPolicy says which peers' forwarding fields are believed, and which
// fields we send. The zero value believes nobody and sends nothing.
type ForwardPolicy struct {
	trust      *bart.Lite // nil: nobody
	name       string     // our pseudonym in Via
	xForwarded bool
	forwarded  bool
	via        bool
}

// NewForwardPolicy compiles m. name is our pseudonym in Via, a token.
func NewForwardPolicy(m model.Forwarded, name string) ForwardPolicy {
	return ForwardPolicy{trust: networks(m.Trust), name: name,
		xForwarded: slices.Contains(m.Send, "x-forwarded"),
		forwarded:  slices.Contains(m.Send, "forwarded"),
		via:        slices.Contains(m.Send, "via"),
	}
}

// Trusts reports whether ip is one of the trusted proxies.
func (p *ForwardPolicy) Trusts(ip netip.Addr) bool {
	return p.trust != nil && p.trust.Contains(ip.Unmap())
}

// Forward sets req.ClientIP and the forwarding fields that the server will see.
// From a peer that is not trusted, all that a client might have made up is
// dropped, aliases included, and ClientIP is the peer. From a trusted proxy the
// fields are kept and extended by the peer, and ClientIP is the rightmost
// address that is not itself trusted; of X-Forwarded-For and Forwarded the
// former is believed when both are there.
func Forward(req *message.Request, p ForwardPolicy) {
	var peer netip.Addr
	if req.Conn != nil {
		peer = req.Conn.Client.Addr().Unmap().WithZone("")
	}
	req.ClientIP = peer
	if p.Trusts(peer) {
		req.ClientIP = p.origin(&req.Header, peer)
	} else {
		dropClaims(&req.Header)
	}
	if p.xForwarded {
		sendXForwarded(req, peer)
	}
	if p.forwarded {
		sendForwarded(req, peer)
	}
	if p.via {
		sendVia(&req.Header, req.Minor, p.name)
	}
}

// ForwardResponse adds our Via to a response, when the policy sends it.
func ForwardResponse(resp *message.Response, p ForwardPolicy) {
	if p.via {
		sendVia(&resp.Header, resp.Minor, p.name)
	}
}

// dropClaims removes every field by which a client could pass for a proxy.
func dropClaims(h *message.Header) {
	for i := 0; i < h.Len(); {
		if claims(h.ID(i), h.Name(i)) {
			h.RemoveAt(i)
			continue
		}
		i++
	}
}

// aliases are names that servers take for a client's address, in lower case
// with hyphens; so are all that begin with "x-forwarded".
var aliases = [...]string{
	"client-ip", "cf-connecting-ip", "fastly-client-ip", "forwarded-for", "true-client-ip", "x-client-ip",
	"x-cluster-client-ip", "x-envoy-external-address", "x-original-forwarded-for", "x-original-host",
	"x-proxyuser-ip", "x-real-ip", "x-remote-addr", "x-remote-ip",
}

func claims(id message.Name, name []byte) bool {
	switch id {
	case message.Forwarded, message.Via, message.XForwardedFor, message.XForwardedHost, message.XForwardedProto:
		return true
	case message.Other:
	default:
		return false
	}
	switch name[0] | 0x20 {
	case 'x', 'c', 'f', 't':
	default:
		return false
	}
	if len(name) >= len("x-forwarded") && foldHyphen(name[:len("x-forwarded")], "x-forwarded") {
		return true
	}
	for _, a := range aliases {
		if foldHyphen(name, a) {
			return true
		}
	}
	return false
}

// foldHyphen compares a name with one in lower case; an underscore is as good
// as a hyphen, since servers that follow CGI make no difference.
func foldHyphen(name []byte, want string) bool {
	if len(name) != len(want) {
		return false
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		} else if c == '_' {
			c = '-'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

// appendLast extends the list field id by value: it is appended to the last
// line of that name, or becomes the first.
func appendLast(h *message.Header, id message.Name, value []byte) {
	last := -1
	for i := h.Index(id, 0); i >= 0; i = h.Index(id, i+1) {
		last = i
	}
	if last < 0 {
		h.Add(id.String(), message.View(value))
		return
	}
	if old := h.Value(last); len(old) > 0 {
		var room [512]byte
		value = append(append(append(room[:0], old...), ", "...), value...)
	}
	h.SetValue(last, message.View(value))
}

func sendXForwarded(req *message.Request, peer netip.Addr) {
	if peer.IsValid() {
		var room [48]byte
		appendLast(&req.Header, message.XForwardedFor, peer.AppendTo(room[:0]))
	}
	if _, ok := req.GetID(message.XForwardedProto); !ok && req.Scheme != "" {
		req.Add("X-Forwarded-Proto", req.Scheme)
	}
	if _, ok := req.GetID(message.XForwardedHost); !ok {
		if host, ok := req.GetID(message.Host); ok {
			req.Add("X-Forwarded-Host", message.View(host))
		}
	}
}

// sendForwarded adds our element of RFC 7239 §4.
func sendForwarded(req *message.Request, peer netip.Addr) {
	var room [512]byte
	b := append(room[:0], "for="...)
	switch {
	case !peer.IsValid():
		b = append(b, "unknown"...)
	case peer.Is4():
		b = peer.AppendTo(b)
	default: // §6: an IPv6 address stands in brackets, and so in quotes
		b = append(peer.AppendTo(append(b, `"[`...)), `]"`...)
	}
	if host, ok := req.GetID(message.Host); ok && len(host) > 0 {
		b = appendQuoted(append(b, ";host="...), host)
	}
	if req.Scheme != "" {
		b = append(append(b, ";proto="...), req.Scheme...)
	}
	appendLast(&req.Header, message.Forwarded, b)
}

// appendQuoted writes a token as it is and anything else as a quoted-string.
func appendQuoted(b, s []byte) []byte {
	if message.ValidName(s) {
		return append(b, s...)
	}
	b = append(b, '"')
	for _, c := range s {
		if c == '"' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return append(b, '"')
}

// sendVia adds our entry of RFC 9110 §7.6.3.
func sendVia(h *message.Header, minor uint8, name string) {
	var room [128]byte
	b := append(room[:0], '1', '.', '0'+minor, ' ')
	appendLast(h, message.Via, append(b, name...))
}

// Looped reports whether name is among the Via entries of req: the request has
// been here. It is asked before Forward, and is of use only when name is no
// other proxy's.
func Looped(req *message.Request, name string) bool {
	for i := req.Index(message.Via, 0); i >= 0; i = req.Index(message.Via, i+1) {
		for rest := message.View(req.Value(i)); rest != ""; {
			var entry string
			entry, rest, _ = strings.Cut(rest, ",")
			_, by, _ := strings.Cut(strings.Trim(entry, " \t"), " ")
			by, _, _ = strings.Cut(strings.TrimLeft(by, " \t"), " ")
			if strings.EqualFold(by, name) {
				return true
			}
		}
	}
	return false
}
