package http1

import (
	"bytes"

	"fishplate/internal/message"
)

// hopByHop is the fixed list: what describes this connection and not the
// message (RFC 9110 §7.6.1). Proxy-Authenticate and Proxy-Authorization are
// between a client and its own proxy, which this is not.
const hopByHop = 1<<message.Connection | 1<<message.KeepAlive | 1<<message.ProxyConnection | 1<<message.TE |
	1<<message.TransferEncoding | 1<<message.Upgrade | 1<<message.ProxyAuthenticate | 1<<message.ProxyAuthorization

func isHopByHop(id message.Name) bool { return uint64(hopByHop)>>id&1 != 0 }

// StripHopByHop removes the fields that end at this hop: the fixed list, and
// those that Connection names. Of the well-known names it can name none but
// the hop-by-hop ones: a client could otherwise make a proxy drop what an
// earlier one or the origin relies on, such as X-Forwarded-For.
func StripHopByHop(h *message.Header) {
	named := false
	any := false
	for i := 0; i < h.Len(); i++ {
		id := h.ID(i)
		any = any || isHopByHop(id)
		named = named || id == message.Connection && namesFields(h.Value(i))
	}
	if named {
		stripNamed(h)
	}
	if !any {
		return
	}
	for i := h.Len() - 1; i >= 0; i-- {
		if isHopByHop(h.ID(i)) {
			h.RemoveAt(i)
		}
	}
}

// namesFields reports whether a Connection value lists anything but the common
// options, which need no search.
func namesFields(v []byte) bool {
	for item := range bytes.SplitSeq(v, comma) {
		item = trimSpace(item)
		if len(item) > 0 && message.LookupName(item) == message.Other && !message.EqualFold(item, "close") {
			return true
		}
	}
	return false
}

func stripNamed(h *message.Header) {
	for at := h.Index(message.Connection, 0); at >= 0; at = h.Index(message.Connection, at+1) {
		for item := range bytes.SplitSeq(h.Value(at), comma) {
			item = trimSpace(item)
			if len(item) == 0 || message.LookupName(item) != message.Other {
				continue
			}
			for i := h.Len() - 1; i >= 0; i-- {
				if h.ID(i) == message.Other && message.EqualFold(h.Name(i), item) {
					h.RemoveAt(i)
					if i < at {
						at--
					}
				}
			}
		}
	}
}
