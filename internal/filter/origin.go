package filter

import (
	"net/netip"
	"strings"

	"fishplate/internal/message"
)

// origin returns the rightmost address of the forwarding fields that is not a
// trusted proxy's, reading from the left: whatever a trusted address or an
// untrusted one follows is claimed by that one, and what is no address voids
// all that stands before it. When all are trusted it is the leftmost, and
// without any it is the peer.
func (p *ForwardPolicy) origin(h *message.Header, peer netip.Addr) netip.Addr {
	var found netip.Addr
	see := func(ip netip.Addr, ok bool) {
		if !ok {
			found = netip.Addr{}
		} else if !found.IsValid() || !p.Trusts(ip) {
			found = ip
		}
	}
	if h.Index(message.XForwardedFor, 0) >= 0 {
		for i := h.Index(message.XForwardedFor, 0); i >= 0; i = h.Index(message.XForwardedFor, i+1) {
			for rest, more := message.View(h.Value(i)), true; more; {
				var item string
				item, rest, more = strings.Cut(rest, ",")
				see(address(strings.Trim(item, " \t")))
			}
		}
	} else {
		for i := h.Index(message.Forwarded, 0); i >= 0; i = h.Index(message.Forwarded, i+1) {
			for rest, more := message.View(h.Value(i)), true; more; {
				var item string
				item, rest, more = cutQuoted(rest, ',')
				see(address(forOf(item)))
			}
		}
	}
	if !found.IsValid() {
		return peer
	}
	return found
}

// cutQuoted is strings.Cut at a byte that is not inside a quoted-string.
func cutQuoted(s string, sep byte) (before, after string, found bool) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++
		case s[i] == sep && !quoted:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// forOf returns the node of an element's for parameter, without quotes; a node
// has no byte that would be escaped in them.
func forOf(element string) string {
	for rest, more := element, true; more; {
		var pair string
		pair, rest, more = cutQuoted(rest, ';')
		name, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
		if strings.EqualFold(name, "for") {
			if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
				value = value[1 : n-1]
			}
			return value
		}
	}
	return ""
}

// address reads an IP address, with or without a port, in brackets or not. A
// zone has no meaning beyond its machine, and is refused.
func address(s string) (netip.Addr, bool) {
	if s == "" || len(s) > 54 {
		return netip.Addr{}, false
	}
	if s[0] == '[' {
		end := strings.IndexByte(s, ']')
		if end < 0 || end+1 < len(s) && !isPort(s[end+1:]) {
			return netip.Addr{}, false
		}
		s = s[1:end]
	} else if i := strings.IndexByte(s, ':'); i >= 0 && strings.IndexByte(s[i+1:], ':') < 0 {
		if !isPort(s[i:]) {
			return netip.Addr{}, false
		}
		s = s[:i]
	}
	for i := 0; i < len(s); i++ {
		if c := s[i] | 0x20; (c < '0' || c > '9') && (c < 'a' || c > 'f') && s[i] != '.' && s[i] != ':' {
			return netip.Addr{}, false
		}
	}
	ip, err := netip.ParseAddr(s)
	return ip.Unmap(), err == nil
}

// isPort reports whether s is a colon and digits.
func isPort(s string) bool {
	if len(s) < 2 || len(s) > 6 || s[0] != ':' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
