package wanted

import (
	"fmt"
	"net/netip"

	"fishplate/internal/control"
	"fishplate/internal/doctor"
	"fishplate/internal/model"
)

// Apart refuses addresses of which the kernel lets one listen: one in two spellings,
// and those that overlap, unless both have several sockets. It says so before a start
// binds anything, and of a change as of a start: sockets that listen may have more.
func Apart(cfg *model.Config) (list []control.Problem) {
	type socket struct {
		of   *model.Listener
		bind string
		at   netip.AddrPort
	}
	var all []socket
	first := map[netip.AddrPort]int{}
	for _, l := range cfg.Listeners {
		for _, bind := range l.Bind {
			host, port := Split(bind)
			a, err := netip.ParseAddr(host)
			if err != nil || port == 0 {
				continue // a name, a path, a socket that was passed, or a port that is to be chosen
			}
			s := socket{l, bind, netip.AddrPortFrom(a.Unmap(), uint16(port))}
			if _, ok := first[s.at]; !ok {
				first[s.at] = len(all)
			}
			all = append(all, s)
		}
	}
	for n, s := range all {
		for _, a := range []netip.Addr{s.at.Addr(), netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			i, ok := first[netip.AddrPortFrom(a, s.at.Port())]
			if !ok || i == n || i > n && s.at.Addr().IsUnspecified() || !doctor.Overlap(a, s.at.Addr()) {
				continue
			}
			o := all[i]
			p := control.Problem{Summary: fmt.Sprintf("listener %q: address %q is that of listener %q, %q", s.of.Name, s.bind, o.of.Name, o.bind)}
			if a != s.at.Addr() {
				if min(Shards(s.of.Accept), Shards(o.of.Accept)) > 1 {
					continue
				}
				p.Summary = fmt.Sprintf("listener %q: address %q overlaps %q of listener %q", s.of.Name, s.bind, o.bind, o.of.Name)
				p.Detail = "the system lets both listen only where each has several accept shards"
				p.Suggestion = "leave one of them; or write shards = 2 or more in the accept block of both, and a client gets to the more exact address"
			}
			at := cfg.Places.Range(s.of.At)
			p.File, p.Line, p.Column = at.Filename, at.Start.Line, at.Start.Column
			list = append(list, p)
			break
		}
	}
	return list
}
