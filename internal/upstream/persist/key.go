package persist

import (
	"bytes"
	"net/netip"

	"fishplate/internal/message"
	"fishplate/internal/model"
)

// AppendKey appends the part of the request that the kinds with a table look up;
// nothing when the request has none.
func AppendKey(dst []byte, m *model.Persist, req *message.Request) []byte {
	var v []byte
	switch m.Kind {
	case "source":
		return appendSource(dst, m, req.ClientIP)
	case "header":
		v, _ = req.Get(m.Name)
	case "query":
		v, _ = req.QueryValue(m.Name)
	case "parameter":
		v = pathParameter(req.Target, m.Name)
	}
	return append(dst, v...)
}

func appendSource(dst []byte, m *model.Persist, ip netip.Addr) []byte {
	ip = ip.Unmap()
	bits := m.Mask
	if ip.Is6() {
		bits = m.Mask6
	}
	if bits <= 0 || bits > ip.BitLen() {
		bits = ip.BitLen()
	}
	prefix, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return dst // an exchange without a client address
	}
	return prefix.Addr().AppendTo(dst)
}

// pathParameter returns the value of ";name=value" in the target's path.
func pathParameter(target []byte, name string) []byte {
	path, _, _ := bytes.Cut(target, []byte{'?'})
	for {
		_, rest, found := bytes.Cut(path, []byte{';'})
		if !found {
			return nil
		}
		path = rest
		if after, ok := bytes.CutPrefix(rest, []byte(name+"=")); ok {
			if end := bytes.IndexAny(after, ";/"); end >= 0 {
				after = after[:end]
			}
			return after
		}
	}
}

// Identity says what a persistence looks up, and where: of two that are equal in
// it, the sessions of one are those of the other.
func Identity(m *model.Persist) string {
	if m == nil {
		return ""
	}
	return m.Kind + " " + m.Mode + " " + m.Name
}
