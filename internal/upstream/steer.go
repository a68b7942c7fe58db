package upstream

import (
	"fishplate/internal/netio"
	"fishplate/internal/upstream/balance"
)

// Prefer makes a server the one that is asked first, before persistence and
// policy have a say; when it takes no requests any more, they decide. False
// means that the backend has no such server.
func (b *Backend) Prefer(p *Pick, server string) bool {
	p.want = b.server(server)
	return p.want != nil
}

// wanted takes a slot of the server that the pick prefers, once; nil when there
// is none, or it takes no requests.
func (p *Pick) wanted() *Server {
	s := p.want
	p.want = nil
	if s != nil && s.open(p.query.Now) && s.node.Take() {
		return s
	}
	return nil
}

// Up counts the servers, and those that take requests.
func (b *Backend) Up() (up, all int) {
	now := netio.Now().UnixNano()
	for _, s := range b.Servers() {
		if all++; s.node.Why(now) == balance.In {
			up++
		}
	}
	return up, all
}

// Takes reports whether there is a server of that name, and whether it takes
// requests.
func (b *Backend) Takes(server string) (up, known bool) {
	s := b.server(server)
	if s == nil {
		return false, false
	}
	return s.node.Why(netio.Now().UnixNano()) == balance.In, true
}
