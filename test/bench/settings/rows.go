//go:build linux

package main

import "strings"

// row is a setting that is tried: the bench below A and below B, which are lines
// of a shell in a network namespace of their own.
type row struct {
	Check string `json:"check"` // the doctor's id
	A     string `json:"a"`     // in words
	B     string `json:"b"`

	apart bool // the server is in another namespace, behind a veth pair
	run   [2]side
}

// side is one way to run: lines before, at the server's end when it is apart, and
// the bench with its arguments, which may have words before it.
type side struct {
	before string
	there  string
	first  string
	bench  string
}

func rows() []row {
	crr := side{bench: "crr -c 64"}
	same := func(bench, a, b string) [2]side { return [2]side{{before: a, bench: bench}, {before: b, bench: bench}} }
	ports := sysctl("ipv4/ip_local_port_range", "1024 65535") + sysctl("ipv4/tcp_tw_reuse", "1")
	over := func(there string) side {
		return side{before: ports, there: there, bench: "crr -c 64"}
	}
	return []row{
		{Check: "tcp.somaxconn", A: "128", B: "65535", run: same("crr -c 1024", sysctl("core/somaxconn", "128"), sysctl("core/somaxconn", "65535"))},
		{Check: "cfg.shards", A: "one thread accepts", B: "a listener for each processor", run: [2]side{{bench: "crr -c 64 --single-acceptor"}, crr}},
		{Check: "cfg.keepalive", A: "a connection for each request", B: "connections are kept", run: [2]side{{bench: "http-close -c 64"}, {bench: "http-keepalive -c 64"}}},
		{Check: "fw.conntrack-on", A: "no rule", B: "a rule with ct state", run: same(crr.bench, "", "$SELF -rules ct\n")},
		{Check: "fw.rules", A: "no rule", B: "100 rules, one after another", run: same(crr.bench, "", "$SELF -rules 100\n")},
		{Check: "tcp.syncookies", A: "1, when needed", B: "2, always", run: same(crr.bench, sysctl("ipv4/tcp_syncookies", "1"), sysctl("ipv4/tcp_syncookies", "2"))},
		{Check: "tcp.tw-reuse", A: "0, one source address", B: "1, one source address", run: same("crr -c 64 --sources 0 --duration 3s", sysctl("ipv4/tcp_tw_reuse", "0"), sysctl("ipv4/tcp_tw_reuse", "1"))},
		{Check: "cpu.wake-latency", A: "one connection, two processors", B: "one connection, both sides on one processor", run: [2]side{{bench: "crr -c 1"}, {first: "taskset -c 0", bench: "crr -c 1"}}},
		{Check: "fw.netns", A: "loopback", B: "a veth pair to another namespace", apart: true, run: [2]side{{before: ports, bench: "crr -c 64 --sources 0"}, over("")}},
		{Check: "nic.rps", A: "off at the veth", B: "to both processors", apart: true, run: [2]side{over(""), over("echo 3 > /sys/class/net/far/queues/rx-0/rps_cpus\n")}},
		{Check: "nic.offloads", A: "on at both ends of the veth", B: "tso, gso and sg off", apart: true, run: [2]side{
			over(""), {before: ports + "$SELF -plain near\n", there: "$SELF -plain far\n", bench: "crr -c 64"},
		}},
	}
}

// sysctl sets a value of the namespace.
func sysctl(name, value string) string {
	return "echo '" + value + "' > /proc/sys/net/" + name + "\n"
}

// script is the shell that a side runs in new network and mount namespaces.
func (s side) script(apart bool) string {
	ask := strings.TrimSpace(s.first + " $FISHPLATE bench " + s.bench)
	if !strings.Contains(s.bench, "--duration") {
		ask += " --duration $DURATION"
	}
	ask += " --repeat 1 --json"
	if !apart || strings.Contains(s.bench, "--sources 0") {
		return "set -e\nip link set lo up\n" + s.before + "exec " + ask + "\n"
	}
	// The server's end waits until it has its link, and says when it listens.
	return `set -e
mount -t sysfs sysfs /sys
ip link set lo up
ip link add near numtxqueues 1 numrxqueues 1 type veth peer name far numtxqueues 1 numrxqueues 1
mkfifo $DIR/up
exec 3<>$DIR/up
unshare -n -m sh -ec '
	mount -t sysfs sysfs /sys
	until ip link show far >/dev/null 2>&1; do sleep 0.02; done
	ip addr add 10.99.0.2/24 dev far
	ip link set far up
	` + s.there + `
	exec $FISHPLATE bench server crr --bind 10.99.0.2:7777 --json' >&3 &
SERVER=$!
trap 'kill $SERVER; rm -f $DIR/up' EXIT
until [ "$(readlink /proc/$SERVER/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
ip link set far netns $SERVER
ip addr add 10.99.0.1/24 dev near
ip link set near up
` + s.before + `read line <&3
` + ask + ` --server 10.99.0.2:7777
`
}
