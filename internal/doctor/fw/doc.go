// Package fw is the rows of the catalogue about firewalls, connection tracking,
// bridges and namespaces: what stands between the network card and the socket.
//
// In a container most of it is the host's, and unknown. Rules are counted and
// never changed. Nothing is kept between calls.
package fw

import "fishplate/internal/doctor/see"

const (
	conntrackDoc = "https://docs.kernel.org/networking/nf_conntrack-sysctl.html"
	nftDoc       = "https://wiki.nftables.org/wiki-nftables/index.php/Main_Page"
)

// Rows are the rows of this group.
func Rows() []see.Row {
	return []see.Row{
		tracking(), full(), rules(), bridgeFilter(), bridges(), dockerProxy(), namespace(), xdp(), ipvs(), kubeProxy(),
	}
}
