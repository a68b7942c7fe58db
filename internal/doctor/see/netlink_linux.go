package see

import (
	"encoding/binary"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Network asks netlink about our network namespace. /sys/class/net cannot be
// trusted for that: it shows the namespace in which sysfs was mounted.
func (machine) Network() (n Network) {
	n.Links = asPart(dump(unix.NETLINK_ROUTE, unix.RTM_GETLINK, make([]byte, unix.SizeofIfInfomsg), link))
	n.Qdiscs = asPart(dump(unix.NETLINK_ROUTE, unix.RTM_GETQDISC, make([]byte, sizeofTcmsg), qdisc))
	n.Routes = asPart(dump(unix.NETLINK_ROUTE, unix.RTM_GETROUTE, []byte{unix.AF_INET, 11: 0}, route))
	sockets, err := dump(unix.NETLINK_SOCK_DIAG, sockDiagByFamily, diagRequest(unix.AF_INET), socket)
	if err == nil {
		var six []Socket
		six, err = dump(unix.NETLINK_SOCK_DIAG, sockDiagByFamily, diagRequest(unix.AF_INET6), socket)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EAFNOSUPPORT) {
			err = nil // a kernel without IPv6 has no sockets of it
		}
		sockets = append(sockets, six...)
	}
	n.Sockets = asPart(sockets, err)
	n.Chains = asPart(chains())
	return n
}

const (
	sizeofTcmsg      = 20
	sockDiagByFamily = 20 // linux/sock_diag.h
	statsQueue       = 3  // linux/gen_stats.h, TCA_STATS_QUEUE
)

// dump asks for all things of a kind; decode says false for what is none.
func dump[T any](family int, kind uint16, request []byte, decode func([]byte) (T, bool)) ([]T, error) {
	c, err := netlink.Dial(family, nil)
	if err != nil {
		return nil, err
	}
	defer c.Close() // nothing was changed that a failure could lose
	messages, err := c.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request | netlink.Dump}, Data: request,
	})
	if err != nil {
		return nil, err
	}
	var list []T
	for _, m := range messages {
		if v, ok := decode(m.Data); ok {
			list = append(list, v)
		}
	}
	return list, nil
}

// attributes calls f with each attribute after a header of size bytes.
func attributes(data []byte, size int, f func(a *netlink.AttributeDecoder)) bool {
	if len(data) < size {
		return false
	}
	a, err := netlink.NewAttributeDecoder(data[size:])
	if err != nil {
		return false
	}
	for a.Next() {
		f(a)
	}
	return a.Err() == nil
}

func link(data []byte) (l Link, ok bool) {
	ok = attributes(data, unix.SizeofIfInfomsg, func(a *netlink.AttributeDecoder) {
		switch a.Type() {
		case unix.IFLA_IFNAME:
			l.Name = a.String()
		case unix.IFLA_MTU:
			l.MTU = int(a.Uint32())
		case unix.IFLA_LINK:
			l.Peer = int(a.Uint32())
		case unix.IFLA_MASTER:
			l.Master = int(a.Uint32())
		case unix.IFLA_TXQLEN:
			l.TxLen = int(a.Uint32())
		case unix.IFLA_NUM_RX_QUEUES:
			l.Queues = int(a.Uint32())
		case unix.IFLA_LINKINFO:
			a.Nested(func(n *netlink.AttributeDecoder) error {
				for n.Next() {
					if n.Type() == unix.IFLA_INFO_KIND {
						l.Kind = n.String()
					}
				}
				return n.Err()
			})
		case unix.IFLA_XDP:
			a.Nested(func(n *netlink.AttributeDecoder) error {
				for n.Next() {
					if n.Type() == unix.IFLA_XDP_ATTACHED {
						l.XDP = n.Uint8() != 0
					}
				}
				return n.Err()
			})
		}
	})
	if !ok {
		return l, false
	}
	l.Index = int(int32(binary.NativeEndian.Uint32(data[4:])))
	flags := binary.NativeEndian.Uint32(data[8:])
	l.Up, l.Loop = flags&unix.IFF_UP != 0, flags&unix.IFF_LOOPBACK != 0
	return l, true
}

func qdisc(data []byte) (q Qdisc, ok bool) {
	ok = attributes(data, sizeofTcmsg, func(a *netlink.AttributeDecoder) {
		switch a.Type() {
		case unix.TCA_KIND:
			q.Kind = a.String()
		case unix.TCA_STATS2:
			a.Nested(func(n *netlink.AttributeDecoder) error {
				for n.Next() {
					// struct gnet_stats_queue: qlen, backlog, drops, requeues, overlimits.
					if b := n.Bytes(); n.Type() == statsQueue && len(b) >= 20 {
						q.Drops = uint64(binary.NativeEndian.Uint32(b[8:]))
						q.Overlimits = uint64(binary.NativeEndian.Uint32(b[16:]))
					}
				}
				return n.Err()
			})
		}
	})
	if !ok {
		return q, false
	}
	q.Link = int(int32(binary.NativeEndian.Uint32(data[4:])))
	q.Parent = binary.NativeEndian.Uint32(data[12:])
	return q, true
}

// route takes default routes alone, of the main table.
func route(data []byte) (r Route, ok bool) {
	if len(data) < 12 || data[1] != 0 || data[4] != unix.RT_TABLE_MAIN {
		return r, false
	}
	ok = attributes(data, 12, func(a *netlink.AttributeDecoder) {
		switch a.Type() {
		case unix.RTA_OIF:
			r.Link = int(a.Uint32())
		case unix.RTA_GATEWAY:
			if ip, fine := netip.AddrFromSlice(a.Bytes()); fine {
				r.Gateway = ip.String()
			}
		case unix.RTA_METRICS:
			a.Nested(func(n *netlink.AttributeDecoder) error {
				for n.Next() {
					if n.Type() == unix.RTAX_MTU {
						r.MTU = int(n.Uint32())
					}
				}
				return n.Err()
			})
		}
	})
	return r, ok
}

// diagRequest is struct inet_diag_req_v2 for listening TCP sockets, with the
// extension that has the counter of drops.
func diagRequest(family byte) []byte {
	const listen, memory = 1 << 10, 1 << (7 - 1) // TCP_LISTEN, INET_DIAG_SKMEMINFO
	b := make([]byte, 56)
	b[0], b[1], b[2] = family, unix.IPPROTO_TCP, memory
	binary.NativeEndian.PutUint32(b[4:], listen)
	return b
}

// socket decodes struct inet_diag_msg.
func socket(data []byte) (s Socket, ok bool) {
	const size = 72
	ok = attributes(data, size, func(a *netlink.AttributeDecoder) {
		const memory, drops = 7, 8 * 4 // INET_DIAG_SKMEMINFO, SK_MEMINFO_DROPS
		if b := a.Bytes(); a.Type() == memory && len(b) >= drops+4 {
			s.Drops = binary.NativeEndian.Uint32(b[drops:])
		}
	})
	if !ok {
		return s, false
	}
	address := data[8:24]
	if data[0] == unix.AF_INET {
		address = address[:4]
	}
	ip, _ := netip.AddrFromSlice(address)
	s.Address, s.Port = ip.String(), int(binary.BigEndian.Uint16(data[4:]))
	s.Queue, s.Backlog = binary.NativeEndian.Uint32(data[56:]), binary.NativeEndian.Uint32(data[60:])
	s.UID, s.Inode = binary.NativeEndian.Uint32(data[64:]), binary.NativeEndian.Uint32(data[68:])
	return s, true
}

// nf_tables over netlink: linux/netfilter/nf_tables.h.
const (
	nftChains = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETCHAIN
	nftRules  = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETRULE
)

// rule is a rule of nf_tables: its chain, and the expressions it consists of.
type rule struct {
	family, table, chain string
	exprs                []string
}

func chains() ([]Chain, error) {
	list, err := dump(unix.NETLINK_NETFILTER, nftChains, make([]byte, 4), chain)
	if err != nil {
		return nil, err
	}
	rules, err := dump(unix.NETLINK_NETFILTER, nftRules, make([]byte, 4), nftRule)
	if err != nil {
		return nil, err
	}
	for i := range list {
		c, used := &list[i], map[string]bool{}
		for _, r := range rules {
			if r.family != c.Family || r.table != c.Table || r.chain != c.Name {
				continue
			}
			c.Rules++
			for _, e := range r.exprs {
				used[e] = true
			}
		}
		c.Exprs = slices.Sorted(maps.Keys(used))
		// "match:conntrack" is a rule of iptables that nf_tables carries.
		c.Conntrack = slices.ContainsFunc(c.Exprs, func(e string) bool {
			return e == "ct" || e == "nat" || e == "masq" || e == "redir" || strings.HasPrefix(e, "match:conntrack") ||
				strings.HasPrefix(e, "match:state") || strings.HasPrefix(e, "target:DNAT") || strings.HasPrefix(e, "target:SNAT") ||
				strings.HasPrefix(e, "target:MASQUERADE") || strings.HasPrefix(e, "target:REDIRECT")
		})
	}
	return list, nil
}

func chain(data []byte) (c Chain, ok bool) {
	ok = attributes(data, 4, func(a *netlink.AttributeDecoder) {
		switch a.Type() {
		case unix.NFTA_CHAIN_TABLE:
			c.Table = a.String()
		case unix.NFTA_CHAIN_NAME:
			c.Name = a.String()
		case unix.NFTA_CHAIN_HOOK:
			a.Nested(func(n *netlink.AttributeDecoder) error {
				for n.Next() {
					if b := n.Bytes(); n.Type() == unix.NFTA_HOOK_HOOKNUM && len(b) == 4 {
						c.Hook = hook(binary.BigEndian.Uint32(b))
					}
				}
				return n.Err()
			})
		}
	})
	if ok {
		c.Family = family(data[0])
	}
	return c, ok
}

func nftRule(data []byte) (r rule, ok bool) {
	ok = attributes(data, 4, func(a *netlink.AttributeDecoder) {
		switch a.Type() {
		case unix.NFTA_RULE_TABLE:
			r.table = a.String()
		case unix.NFTA_RULE_CHAIN:
			r.chain = a.String()
		case unix.NFTA_RULE_EXPRESSIONS:
			a.Nested(func(n *netlink.AttributeDecoder) error {
				for n.Next() {
					n.Nested(func(e *netlink.AttributeDecoder) error {
						r.exprs = append(r.exprs, expression(e))
						return e.Err()
					})
				}
				return n.Err()
			})
		}
	})
	if ok {
		r.family = family(data[0])
	}
	return r, ok
}

// expression returns the name of an expression; of a match or target of iptables
// its own name follows.
func expression(e *netlink.AttributeDecoder) (name string) {
	for e.Next() {
		switch e.Type() {
		case unix.NFTA_EXPR_NAME:
			name = e.String()
		case unix.NFTA_EXPR_DATA:
			if name != "match" && name != "target" {
				continue
			}
			e.Nested(func(d *netlink.AttributeDecoder) error {
				for d.Next() {
					if d.Type() == 1 { // NFTA_MATCH_NAME, NFTA_TARGET_NAME
						name += ":" + d.String()
						break
					}
				}
				return nil
			})
		}
	}
	return name
}

func family(b byte) string {
	switch b {
	case unix.NFPROTO_INET:
		return "inet"
	case unix.NFPROTO_IPV4:
		return "ip"
	case unix.NFPROTO_IPV6:
		return "ip6"
	case unix.NFPROTO_BRIDGE:
		return "bridge"
	case unix.NFPROTO_ARP:
		return "arp"
	}
	return "netdev"
}

func hook(n uint32) string {
	names := []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}
	if int(n) < len(names) {
		return names[n]
	}
	return "other"
}
