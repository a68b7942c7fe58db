// Package nic is the rows of the catalogue about network cards: drivers, queues,
// interrupts and what was lost on the way to the kernel.
//
// The list of cards is that of netlink in our own network namespace; sysfs, which
// shows the namespace it was mounted in, is believed only where it names the same
// interface with the same number. A row that looks at every card reports the worst.
// In a container the card is the host's: unknown, and to be run there.
package nic

import "fishplate/internal/doctor/see"

const (
	scaling = "https://docs.kernel.org/networking/scaling.html"
	manual  = "https://man7.org/linux/man-pages/man8/ethtool.8.html"
	coreDoc = "https://docs.kernel.org/admin-guide/sysctl/net.html"
	enaDoc  = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-network-performance-ena.html"
)

// Rows are the rows of this group.
func Rows() []see.Row {
	return []see.Row{
		driver(), passthrough(), queues(), rps(), rfs(), xps(), affinity(), irqbalance(), softnet(), drops(),
		ring(), coalesce(), offloads(), allowance(), gve(), netvsc(), qdisc(), queueLength(), hash(),
	}
}
