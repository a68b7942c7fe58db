// Package tcp is the rows of the catalogue about connections: what the kernel
// does with them between the network card and accept, and after close.
//
// All rows read files below /proc, so they say the same in a fixture as on a
// machine. They judge; they set nothing. Nothing is kept between calls.
package tcp

import "fishplate/internal/doctor/see"

const (
	ipSysctl = "https://docs.kernel.org/networking/ip-sysctl.html"
	coreDoc  = "https://docs.kernel.org/admin-guide/sysctl/net.html"
	snmpDoc  = "https://docs.kernel.org/networking/snmp_counter.html"
)

const (
	ipv4     = "/proc/sys/net/ipv4/"
	core     = "/proc/sys/net/core/"
	netstat  = "/proc/net/netstat"
	snmp     = "/proc/net/snmp"
	sockstat = "/proc/net/sockstat"
)

// Rows are the rows of this group.
func Rows() []see.Row {
	return []see.Row{
		somaxconn(), synBacklog(), syncookies(), overflow(), requestQueue(), abortOnOverflow(), deferAccept(),
		fastOpen(), migrate(), backlogDrop(),
		recycle(), reuse(), timeWait(), ports(), finTimeout(), orphans(),
		memory(), slowStart(), autocorking(), notSent(), congestion(), retransmits(), mtu(), busyPoll(),
	}
}
