package binder

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// A request is 24 bytes and two descriptors, the socket to bind and one for the
// answer, which is an error number of 4 bytes; 0 is done. All numbers are
// big-endian. A helper outlives upgrades: what follows stays as it is, or gets
// another number in its first byte.
//
//	0   1  the number of this form
//	1   1  0
//	2   2  port
//	4  16  address; one of IPv4 is mapped
//	20  4  number of the IPv6 zone
const (
	form        = 1
	requestSize = 24
	answerSize  = 4
	descriptors = 2
)

var errRequest = errors.New("the request is none")

// appendRequest appends the request to bind an address.
func appendRequest(b []byte, a netip.AddrPort, zone uint32) []byte {
	ip := a.Addr().As16()
	b = append(b, form, 0)
	b = binary.BigEndian.AppendUint16(b, a.Port())
	b = append(b, ip[:]...)
	return binary.BigEndian.AppendUint32(b, zone)
}

// parseRequest is the reverse. Port 0 is nobody's privilege.
func parseRequest(b []byte) (a netip.AddrPort, zone uint32, err error) {
	if len(b) != requestSize || b[0] != form || b[1] != 0 {
		return a, 0, errRequest
	}
	a = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[4:20])), binary.BigEndian.Uint16(b[2:]))
	if a.Port() == 0 {
		return a, 0, errRequest
	}
	return a, binary.BigEndian.Uint32(b[20:]), nil
}
