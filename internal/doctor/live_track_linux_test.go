package doctor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/parse"
)

// TestLiveTracked fills the table of tracked connections of its own namespace: a
// new connection gets no answer. How large the table is only the first namespace
// may say, so it is filled by netlink, without packets, as large as it is.
func TestLiveTracked(t *testing.T) {
	if !alone(t, 0) {
		return
	}
	loopback(t)
	most, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_max")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the kernel's nf_conntrack is missing")
	}
	if err != nil {
		t.Fatal(err)
	}
	room, err := strconv.Atoi(strings.TrimSpace(string(most)))
	if err != nil {
		t.Fatal(err)
	}
	if room > 1<<19 {
		t.Skipf("a table of at most 524288 places is missing: this one has %d, 320 bytes each", room)
	}
	const on, full, stat = "fw.conntrack-on", "fw.conntrack-full", "/proc/net/stat/nf_conntrack"
	says(t, on, nil, fact.OK)
	tables(t, true)
	_, at := listener(t, 100)
	fds := clients(t, 1, at)
	until(t, "a connection", func() bool { return stand(t, fds) == 1 })
	if f := says(t, on, nil, fact.Warn); !strings.Contains(f.Found, "live in asks for it") {
		t.Errorf("the rule is not named: %s", f.Found)
	}
	says(t, full, nil, fact.OK)

	before := now(t, stat)
	fill(t, room+1)
	lost := clients(t, 1, at)
	until(t, "a packet that is dropped", func() bool { return dropped(t, stat) > 0 })
	if stand(t, lost) != 0 {
		t.Error("the connection stands, and the table is full")
	}
	for _, f := range []fact.Finding{says(t, full, nil, fact.Fail), says(t, full, before, fact.Fail)} {
		if !strings.Contains(f.Found, "of "+strconv.Itoa(room)) {
			t.Error(f.Found)
		}
	}

	// The row of fw.conntrack-on says: no rule that asks. The SYN comes again.
	tables(t, false)
	until(t, "the connection", func() bool { return stand(t, lost) == 1 })
	netfilter(t, unix.NFNL_SUBSYS_CTNETLINK<<8|2, 0, unix.AF_INET, nil) // IPCTNL_MSG_CT_DELETE of all
	says(t, on, nil, fact.OK)
	says(t, full, now(t, stat), fact.OK)
}

func dropped(t *testing.T, file string) uint64 {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parse.ConntrackStat(data)
	if err != nil {
		t.Fatal(err)
	}
	return c["drop"]
}

// netfilter sends one message to the kernel's packet filter, and waits until it is
// done.
func netfilter(t *testing.T, kind, flags uint16, family byte, attributes []byte) {
	t.Helper()
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() // what it asked for is done
	_, err = c.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request | netlink.Acknowledge | netlink.HeaderFlags(flags)},
		Data:   append([]byte{family, 0, 0, 0}, attributes...),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// encoded are the attributes that write adds, in the packet filter's byte order.
func encoded(t *testing.T, write func(a *netlink.AttributeEncoder)) []byte {
	t.Helper()
	a := netlink.NewAttributeEncoder()
	a.ByteOrder = binary.BigEndian
	write(a)
	b, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tables makes the table "live" with a chain and a rule that asks for the state of
// a connection, or takes it away.
func tables(t *testing.T, there bool) {
	t.Helper()
	const subsystem, create = unix.NFNL_SUBSYS_NFTABLES << 8, uint16(netlink.Create)
	steps := []netlink.Message{change(unix.NFT_MSG_DELTABLE, 0, encoded(t, func(a *netlink.AttributeEncoder) { a.String(unix.NFTA_TABLE_NAME, "live") }))}
	if there {
		steps = []netlink.Message{
			change(unix.NFT_MSG_NEWTABLE, create, encoded(t, func(a *netlink.AttributeEncoder) { a.String(unix.NFTA_TABLE_NAME, "live") })),
			change(unix.NFT_MSG_NEWCHAIN, create, encoded(t, func(a *netlink.AttributeEncoder) {
				a.String(unix.NFTA_CHAIN_TABLE, "live")
				a.String(unix.NFTA_CHAIN_NAME, "in")
				a.String(unix.NFTA_CHAIN_TYPE, "filter")
				a.Nested(unix.NFTA_CHAIN_HOOK, func(h *netlink.AttributeEncoder) error {
					h.Uint32(unix.NFTA_HOOK_HOOKNUM, unix.NF_INET_LOCAL_IN)
					h.Uint32(unix.NFTA_HOOK_PRIORITY, 0)
					return nil
				})
			})),
			change(unix.NFT_MSG_NEWRULE, create, encoded(t, func(a *netlink.AttributeEncoder) {
				a.String(unix.NFTA_RULE_TABLE, "live")
				a.String(unix.NFTA_RULE_CHAIN, "in")
				a.Nested(unix.NFTA_RULE_EXPRESSIONS, func(list *netlink.AttributeEncoder) error {
					list.Nested(unix.NFTA_LIST_ELEM, func(e *netlink.AttributeEncoder) error {
						e.String(unix.NFTA_EXPR_NAME, "ct")
						e.Nested(unix.NFTA_EXPR_DATA, func(ct *netlink.AttributeEncoder) error {
							ct.Uint32(unix.NFTA_CT_KEY, unix.NFT_CT_STATE)
							ct.Uint32(unix.NFTA_CT_DREG, unix.NFT_REG_1)
							return nil
						})
						return nil
					})
					return nil
				})
			})),
		}
	}
	begin := netlink.Message{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_BEGIN, Flags: netlink.Request}, Data: []byte{0, 0, 0, unix.NFNL_SUBSYS_NFTABLES}}
	end := netlink.Message{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_END, Flags: netlink.Request}, Data: begin.Data}
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() // what it made stays
	if _, err := c.SendMessages(append(append([]netlink.Message{begin}, steps...), end)); err != nil {
		t.Fatal(err)
	}
	for range steps {
		_, err := c.Receive()
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOENT) {
			t.Skipf("the kernel's nf_tables, or its ct, is missing: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func change(kind int, flags uint16, attributes []byte) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{
			Type:  netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind),
			Flags: netlink.Request | netlink.Acknowledge | netlink.HeaderFlags(flags),
		},
		Data: append([]byte{unix.NFPROTO_INET, 0, 0, 0}, attributes...),
	}
}

// fill puts n connections into the table, which were answered and so are not
// dropped for newer ones.
func fill(t *testing.T, n int) {
	t.Helper()
	source := []byte{10, 0xfe, 0xfe, 0xfe}
	message := entry(t, source)
	orig, reply := bytes.Index(message, source), bytes.LastIndex(message, source)
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd) // what it made stays
	var batch []byte
	for i := range n {
		binary.BigEndian.PutUint32(message[orig:], 10<<24|uint32(i))
		binary.BigEndian.PutUint32(message[reply:], 10<<24|uint32(i))
		batch = append(batch, message...)
		if len(batch) > 1<<15 || i == n-1 {
			if err := unix.Sendto(fd, batch, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
				t.Fatal(err)
			}
			batch = batch[:0]
		}
	}
}

// entry is a message that makes a tracked connection of a source, which was
// answered: linux/netfilter/nfnetlink_conntrack.h.
func entry(t *testing.T, source []byte) []byte {
	t.Helper()
	const (
		orig, reply, status, timeout = 1, 2, 3, 7
		ip, proto                    = 1, 2
		from, to                     = 1, 2
		number, sourcePort, dest     = 1, 2, 3
		answered, assured, confirmed = 1 << 1, 1 << 2, 1 << 3
		udp, port                    = 17, 9
	)
	tuple := func(src, dst []byte) func(*netlink.AttributeEncoder) error {
		return func(a *netlink.AttributeEncoder) error {
			a.Nested(ip, func(a *netlink.AttributeEncoder) error {
				a.Bytes(from, src)
				a.Bytes(to, dst)
				return nil
			})
			a.Nested(proto, func(a *netlink.AttributeEncoder) error {
				a.Uint8(number, udp)
				a.Uint16(sourcePort, port)
				a.Uint16(dest, port)
				return nil
			})
			return nil
		}
	}
	server := []byte{192, 0, 2, 1}
	m := netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_CTNETLINK << 8, Flags: netlink.Request | netlink.Create | netlink.Excl},
		Data: append([]byte{unix.AF_INET, 0, 0, 0}, encoded(t, func(a *netlink.AttributeEncoder) {
			a.Nested(orig, tuple(source, server))
			a.Nested(reply, tuple(server, source))
			a.Uint32(status, answered|assured|confirmed)
			a.Uint32(timeout, 3600)
		})...),
	}
	m.Header.Length = uint32(unix.NLMSG_HDRLEN + len(m.Data))
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
