//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/mdlayher/netlink"
	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"
)

// attribute writes into the packet filter's messages.
type attribute = func(a *netlink.AttributeEncoder)

// rules makes a chain at input, before it accepts: with a rule that asks for the
// state of the connection ("ct"), or with n that compare the sender's address and
// do not match.
func rules(what string) error {
	add := []netlink.Message{
		message(unix.NFT_MSG_NEWTABLE, func(a *netlink.AttributeEncoder) { a.String(unix.NFTA_TABLE_NAME, "tried") }),
		message(unix.NFT_MSG_NEWCHAIN, func(a *netlink.AttributeEncoder) {
			a.String(unix.NFTA_CHAIN_TABLE, "tried")
			a.String(unix.NFTA_CHAIN_NAME, "in")
			a.String(unix.NFTA_CHAIN_TYPE, "filter")
			nest(a, unix.NFTA_CHAIN_HOOK, func(a *netlink.AttributeEncoder) {
				a.Uint32(unix.NFTA_HOOK_HOOKNUM, unix.NF_INET_LOCAL_IN)
				a.Uint32(unix.NFTA_HOOK_PRIORITY, 0)
			})
		}),
	}
	if what == "ct" {
		add = append(add, rule(expression("ct", func(a *netlink.AttributeEncoder) {
			a.Uint32(unix.NFTA_CT_KEY, unix.NFT_CT_STATE)
			a.Uint32(unix.NFTA_CT_DREG, unix.NFT_REG_1)
		})))
		return send(add)
	}
	n, err := strconv.Atoi(what)
	if err != nil {
		return fmt.Errorf("read how many rules: %w", err)
	}
	for i := range n {
		add = append(add, rule(
			expression("payload", func(a *netlink.AttributeEncoder) {
				a.Uint32(unix.NFTA_PAYLOAD_DREG, unix.NFT_REG_1)
				a.Uint32(unix.NFTA_PAYLOAD_BASE, unix.NFT_PAYLOAD_NETWORK_HEADER)
				a.Uint32(unix.NFTA_PAYLOAD_OFFSET, 12) // the source of IPv4
				a.Uint32(unix.NFTA_PAYLOAD_LEN, 4)
			}),
			expression("cmp", func(a *netlink.AttributeEncoder) {
				a.Uint32(unix.NFTA_CMP_SREG, unix.NFT_REG_1)
				a.Uint32(unix.NFTA_CMP_OP, unix.NFT_CMP_EQ)
				nest(a, unix.NFTA_CMP_DATA, func(a *netlink.AttributeEncoder) {
					a.Bytes(unix.NFTA_DATA_VALUE, []byte{192, 0, 2, byte(i)})
				})
			}),
		))
	}
	return send(add)
}

// message is one of nf_tables, for both families of addresses.
func message(kind int, write attribute) netlink.Message {
	a := netlink.NewAttributeEncoder()
	a.ByteOrder = binary.BigEndian
	write(a)
	b, err := a.Encode()
	if err != nil {
		panic(err) // only an attribute of 64 KiB cannot be written
	}
	return netlink.Message{
		Header: netlink.Header{
			Type:  netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind),
			Flags: netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Append,
		},
		Data: append([]byte{unix.NFPROTO_INET, 0, 0, 0}, b...),
	}
}

func nest(a *netlink.AttributeEncoder, kind uint16, write attribute) {
	a.Nested(kind, func(inner *netlink.AttributeEncoder) error {
		write(inner)
		return nil
	})
}

func expression(name string, write attribute) attribute {
	return func(a *netlink.AttributeEncoder) {
		nest(a, unix.NFTA_LIST_ELEM, func(a *netlink.AttributeEncoder) {
			a.String(unix.NFTA_EXPR_NAME, name)
			nest(a, unix.NFTA_EXPR_DATA, write)
		})
	}
}

func rule(expressions ...attribute) netlink.Message {
	return message(unix.NFT_MSG_NEWRULE, func(a *netlink.AttributeEncoder) {
		a.String(unix.NFTA_RULE_TABLE, "tried")
		a.String(unix.NFTA_RULE_CHAIN, "in")
		nest(a, unix.NFTA_RULE_EXPRESSIONS, func(a *netlink.AttributeEncoder) {
			for _, e := range expressions {
				e(a)
			}
		})
	})
}

// send sends a batch, which the kernel takes whole or not at all.
func send(list []netlink.Message) error {
	edge := func(kind netlink.HeaderType) netlink.Message {
		return netlink.Message{Header: netlink.Header{Type: kind, Flags: netlink.Request}, Data: []byte{0, 0, 0, unix.NFNL_SUBSYS_NFTABLES}}
	}
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return err
	}
	defer c.Close() // what it made stays
	if _, err := c.SendMessages(append(append([]netlink.Message{edge(unix.NFNL_MSG_BATCH_BEGIN)}, list...), edge(unix.NFNL_MSG_BATCH_END))); err != nil {
		return err
	}
	for range list {
		if _, err := c.Receive(); err != nil {
			return fmt.Errorf("add rules: %w", err)
		}
	}
	return nil
}

// withoutOffloads switches off what the card, here the pair, does for TCP.
func withoutOffloads(link string) error {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return err
	}
	defer e.Close()
	return e.Change(link, map[string]bool{"tx-tcp-segmentation": false, "tx-generic-segmentation": false, "tx-scatter-gather": false})
}
