package tcp

import (
	"testing"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
	"fishplate/internal/doctor/trial"
)

func TestHonest(t *testing.T) { trial.Honest(t, Rows()) }

type files = map[string]string

var (
	docker = []fact.Layer{{Kind: fact.Container, Name: "docker", Confidence: fact.High}}
	kvm    = []fact.Layer{{Kind: fact.Hypervisor, Name: "kvm", Confidence: fact.High}}
	gce    = []fact.Layer{{Kind: fact.Cloud, Name: "gce", Confidence: fact.High}, kvm[0]}
)

// ext is /proc/net/netstat with one counter.
func ext(name, value string) string {
	return "TcpExt: SyncookiesSent " + name + " TCPBacklogDrop\nTcpExt: 0 " + value + " 0\n"
}

// way is a probe with one interface and a default route by it.
func way(kind, mtu string) string {
	return `{"network": {"links": {"list": [{"name": "lo", "index": 1, "loopback": true, "up": true}, {"name": "eth0", "index": 2, "up": true, "kind": "` + kind + `", "mtu": ` + mtu + `}]}, "routes": {"list": [{"link": 2}]}}}`
}

func TestAccept(t *testing.T) {
	const overflow = "tcp.listen-overflow"
	const halfFull = `{"network": {"sockets": {"list": [{"address": "::", "port": 80, "queue": 100, "backlog": 128}]}}}`
	trial.Run(t, Rows()[:10], []trial.Case{
		{ID: "tcp.somaxconn", Files: files{core + "somaxconn": "128\n"}, Want: fact.Fail, Says: "128 connections"},
		{ID: "tcp.somaxconn", Files: files{core + "somaxconn": "1024\n"}, Want: fact.Warn},
		{ID: "tcp.somaxconn", Files: files{core + "somaxconn": "4096\r\n"}, Want: fact.OK},
		{ID: "tcp.somaxconn", Env: kvm, Want: fact.Unknown, Says: "absent", RunOn: "initns"},
		{ID: "tcp.somaxconn", Env: docker, Files: files{core + "somaxconn": "many"}, Want: fact.Unknown, Says: "could not be parsed"},
		{ID: "tcp.max_syn_backlog", Files: files{ipv4 + "tcp_max_syn_backlog": "512"}, Want: fact.Warn},
		{ID: "tcp.max_syn_backlog", Files: files{ipv4 + "tcp_max_syn_backlog": "4096"}, Want: fact.OK},
		{ID: "tcp.syncookies", Files: files{ipv4 + "tcp_syncookies": "0"}, Want: fact.Fail},
		{ID: "tcp.syncookies", Files: files{ipv4 + "tcp_syncookies": "2"}, Want: fact.Warn},
		{ID: "tcp.syncookies", Files: files{ipv4 + "tcp_syncookies": "1"}, Want: fact.Unknown, Says: "whether they are used"},
		{ID: "tcp.syncookies", Files: files{ipv4 + "tcp_syncookies": "1", netstat: ext("X", "1")}, Want: fact.OK},
		{ID: "tcp.syncookies", Files: files{ipv4 + "tcp_syncookies": "1", netstat: "TcpExt: X\nTcpExt: 1\n"}, Want: fact.Unknown, Says: "SyncookiesSent: absent"},
		{ID: "tcp.syncookies", Files: files{ipv4 + "tcp_syncookies": "1", netstat: "TcpExt: SyncookiesSent\nTcpExt: 9\n"}, Want: fact.Warn, Says: "9 were sent since boot"},
		{ID: overflow, Files: files{netstat: ext("ListenOverflows", "0")}, Want: fact.OK},
		{ID: overflow, Files: files{netstat: ext("ListenOverflows", "5")}, Want: fact.Warn, Says: "5 connections were lost since boot"},
		{ID: overflow, Files: files{netstat: ext("ListenOverflows", "5")}, Before: files{netstat: ext("ListenOverflows", "3")}, Want: fact.Fail, Says: "2 connections"},
		{ID: overflow, Files: files{netstat: ext("ListenOverflows", "5")}, Before: files{netstat: ext("ListenOverflows", "5")}, Want: fact.OK},
		{ID: overflow, Files: files{netstat: ext("ListenOverflows", "2")}, Before: files{netstat: ext("ListenOverflows", "7")}, Want: fact.Fail, Says: "2 connections"},
		{ID: overflow, Files: files{netstat: ext("Other", "5")}, Want: fact.Unknown, Says: "TcpExt.ListenOverflows: absent"},
		{ID: overflow, Files: files{netstat: ext("ListenOverflows", "0")}, Probe: `{"network": {"sockets": {"list": [{"address": "0.0.0.0", "port": 22, "queue": 0, "backlog": 128}, {"address": "::", "port": 80, "queue": 100, "backlog": 128}]}}}`, Want: fact.Warn, Says: "100 of 128 places before accept are taken at port 80"},
		{ID: overflow, Files: files{netstat: ext("ListenOverflows", "5")}, Before: files{netstat: ext("ListenOverflows", "5")}, Probe: halfFull, Want: fact.Warn, Says: "0 overflows"},
		{ID: overflow, Files: files{netstat: ext("ListenOverflows", "6")}, Before: files{netstat: ext("ListenOverflows", "5")}, Probe: halfFull, Want: fact.Fail, Says: "1 overflows"},
		{ID: overflow, Files: files{netstat: "TcpExt: ListenOverflows ListenDrops\nTcpExt: 0 4\n"}, Want: fact.Warn, Says: "4 SYNs"},
		{ID: "tcp.reqq-full", Files: files{netstat: ext("TCPReqQFullDrop", "3")}, Want: fact.Warn},
		{ID: "tcp.reqq-full", Files: files{netstat: ext("TCPReqQFullDoCookies", "0")}, Want: fact.OK},
		{ID: "tcp.abort-on-overflow", Files: files{ipv4 + "tcp_abort_on_overflow": "1"}, Want: fact.Warn},
		{ID: "tcp.abort-on-overflow", Files: files{ipv4 + "tcp_abort_on_overflow": "0"}, Want: fact.OK},
		{ID: "tcp.defer-accept", Files: files{netstat: ext("TCPDeferAcceptDrop", "7")}, Want: fact.Info, Says: "7"},
		{ID: "tcp.fastopen", Files: files{ipv4 + "tcp_fastopen": "1"}, Want: fact.Info},
		{ID: "tcp.fastopen", Files: files{ipv4 + "tcp_fastopen": "1"}, Ours: &see.Ours{FastOpen: true}, Want: fact.Warn},
		{ID: "tcp.fastopen", Files: files{ipv4 + "tcp_fastopen": "3"}, Ours: &see.Ours{FastOpen: true}, Want: fact.OK},
		{ID: "tcp.migrate-req", Files: files{ipv4 + "tcp_migrate_req": "0"}, Ours: &see.Ours{Shards: 2}, Want: fact.Info, Says: "fishplate accepts that before it closes one"},
		{ID: "tcp.migrate-req", Files: files{"/proc/sys/kernel/osrelease": "5.10.0"}, Want: fact.Info, Says: "5.14 can); fishplate accepts"},
		{ID: "tcp.migrate-req", Files: files{ipv4 + "tcp_migrate_req": "1"}, Want: fact.OK},
		{ID: "tcp.migrate-req", Files: files{ipv4 + "tcp_migrate_req": "-1"}, Want: fact.Unknown, Says: "-1 is not 0 to 1"},
		{ID: "tcp.migrate-req", Files: files{"/proc/sys/kernel/osrelease": "6.18.44"}, Want: fact.Unknown, RunOn: "initns"},
		{ID: "tcp.backlog-drop", Files: files{netstat: ext("TCPBacklogDrop2", "0")}, Want: fact.OK},
		{ID: "tcp.backlog-drop", Files: files{netstat: "TcpExt: TCPBacklogDrop\nTcpExt: 4\n"}, Want: fact.Warn},
	})
}

func TestClose(t *testing.T) {
	trial.Run(t, Rows()[10:16], []trial.Case{
		{ID: "tcp.tw-recycle", Files: files{ipv4 + "tcp_tw_recycle": "1"}, Want: fact.Fail},
		{ID: "tcp.tw-recycle", Files: files{ipv4 + "tcp_tw_recycle": "0"}, Want: fact.OK},
		{ID: "tcp.tw-recycle", Files: files{"/proc/sys/kernel/osrelease": "6.18.44"}, Want: fact.OK, Says: "does not have it"},
		{ID: "tcp.tw-recycle", Files: files{"/proc/sys/kernel/osrelease": "2.6.32-042stab145.3"}, Want: fact.Unknown, RunOn: "initns"},
		{ID: "tcp.tw-reuse", Files: files{ipv4 + "tcp_tw_reuse": "0"}, Want: fact.Warn},
		{ID: "tcp.tw-reuse", Files: files{ipv4 + "tcp_tw_reuse": "2", ipv4 + "tcp_timestamps": "1"}, Want: fact.Info, Says: "loopback"},
		{ID: "tcp.tw-reuse", Files: files{ipv4 + "tcp_tw_reuse": "1", ipv4 + "tcp_timestamps": "0"}, Want: fact.Warn, Says: "timestamps are off"},
		{ID: "tcp.tw-reuse", Files: files{ipv4 + "tcp_tw_reuse": "1", ipv4 + "tcp_timestamps": "1"}, Want: fact.OK},
		{ID: "tcp.tw-reuse", Files: files{ipv4 + "tcp_tw_reuse": "-1", ipv4 + "tcp_timestamps": "1"}, Want: fact.Unknown, Says: "-1 is not 0 to 2"},
		{ID: "tcp.tw-reuse", Files: files{ipv4 + "tcp_tw_reuse": "9223372036854775807", ipv4 + "tcp_timestamps": "1"}, Want: fact.Unknown},
		{ID: "tcp.tw-reuse", Files: files{ipv4 + "tcp_tw_reuse": "1"}, Want: fact.Unknown, Says: "timestamps"},
		{ID: "tcp.tw-buckets", Files: files{ipv4 + "tcp_max_tw_buckets": "1000", sockstat: "TCP: inuse 1 tw 10\n", netstat: ext("TCPTimeWaitOverflow", "0")}, Want: fact.OK},
		{ID: "tcp.tw-buckets", Files: files{ipv4 + "tcp_max_tw_buckets": "1000", sockstat: "TCP: inuse 1 tw 10\n"}, Want: fact.Unknown, Says: "10 of 1000 places for TIME_WAIT are taken; whether"},
		{ID: "tcp.tw-buckets", Files: files{ipv4 + "tcp_max_tw_buckets": "1000", sockstat: "TCP: inuse 1 tw 10\n", netstat: ext("X", "0")}, Want: fact.Unknown},
		{ID: "tcp.tw-buckets", Files: files{ipv4 + "tcp_max_tw_buckets": "1000", sockstat: "TCP: inuse 1 tw 900\n"}, Want: fact.Warn, Says: "900 of 1000"},
		{ID: "tcp.tw-buckets", Files: files{ipv4 + "tcp_max_tw_buckets": "1000", sockstat: "TCP: tw 1\n", netstat: ext("TCPTimeWaitOverflow", "8")}, Want: fact.Warn, Says: "full 8 times"},
		{ID: "tcp.tw-buckets", Files: files{ipv4 + "tcp_max_tw_buckets": "1000", sockstat: "TCP: inuse 1\n"}, Want: fact.Unknown},
		{ID: "tcp.ports", Files: files{ipv4 + "ip_local_port_range": "32768\t60999\n"}, Want: fact.OK, Says: "28232 ports: 470 connections"},
		{ID: "tcp.ports", Files: files{ipv4 + "ip_local_port_range": "49152 65535"}, Want: fact.Warn},
		{ID: "tcp.ports", Files: files{ipv4 + "ip_local_port_range": "49152"}, Want: fact.Unknown},
		{ID: "tcp.fin-timeout", Files: files{ipv4 + "tcp_fin_timeout": "60"}, Want: fact.OK},
		{ID: "tcp.fin-timeout", Files: files{ipv4 + "tcp_fin_timeout": "120"}, Want: fact.Warn},
		{ID: "tcp.orphans", Files: files{ipv4 + "tcp_max_orphans": "100", sockstat: "TCP: orphan 51\n"}, Want: fact.Warn},
		{ID: "tcp.orphans", Files: files{ipv4 + "tcp_max_orphans": "100", sockstat: "TCP: orphan 50\n"}, Want: fact.OK},
		{ID: "tcp.orphans", Env: docker, Files: files{sockstat: "TCP: orphan 50\n"}, Want: fact.Unknown, RunOn: "initns"},
	})
}

func TestFlow(t *testing.T) {
	mem := files{ipv4 + "tcp_mem": "100\t200\t300\n", sockstat: "TCP: mem 50\n", netstat: ext("TCPAbortOnMemory", "0")}
	trial.Run(t, Rows()[16:], []trial.Case{
		{ID: "tcp.mem", Files: mem, Want: fact.OK},
		{ID: "tcp.mem", Files: files{ipv4 + "tcp_mem": "100 200 300", sockstat: "TCP: mem 200\n"}, Want: fact.Fail, Says: "200 pages"},
		{ID: "tcp.mem", Files: files{ipv4 + "tcp_mem": "100 200 300", sockstat: "TCP: mem 2\n", netstat: ext("TCPAbortOnMemory", "1")}, Want: fact.Warn},
		{ID: "tcp.mem", Files: files{ipv4 + "tcp_mem": "100 200 300", sockstat: "TCP: mem 2\n", netstat: ext("PruneCalled", "1")}, Want: fact.Info},
		{ID: "tcp.mem", Files: files{ipv4 + "tcp_mem": "100 200 300", sockstat: "TCP: mem 2\n"}, Want: fact.Unknown, Says: "what was before"},
		{ID: "tcp.slow-start-idle", Files: files{ipv4 + "tcp_slow_start_after_idle": "1"}, Want: fact.Info},
		{ID: "tcp.slow-start-idle", Files: files{ipv4 + "tcp_slow_start_after_idle": "0"}, Want: fact.OK},
		{ID: "tcp.autocorking", Files: files{ipv4 + "tcp_autocorking": "1"}, Want: fact.Info},
		{ID: "tcp.autocorking", Files: files{ipv4 + "tcp_autocorking": "0"}, Want: fact.Info, Says: "off"},
		{ID: "tcp.notsent", Files: files{ipv4 + "tcp_notsent_lowat": "4294967295"}, Want: fact.Info, Says: "no bound"},
		{ID: "tcp.notsent", Files: files{ipv4 + "tcp_notsent_lowat": "131072"}, Want: fact.Info, Says: "131072"},
		{ID: "tcp.cc", Files: files{ipv4 + "tcp_congestion_control": "cubic"}, Want: fact.Info, Says: "cubic"},
		{ID: "tcp.cc", Files: files{ipv4 + "tcp_congestion_control": "bbr", core + "default_qdisc": "fq_codel", "/proc/sys/kernel/osrelease": "4.9.0"}, Want: fact.Warn, Says: "fq_codel"},
		{ID: "tcp.cc", Files: files{ipv4 + "tcp_congestion_control": "bbr", core + "default_qdisc": "fq", "/proc/sys/kernel/osrelease": "4.9.0"}, Want: fact.OK},
		{ID: "tcp.cc", Files: files{ipv4 + "tcp_congestion_control": "bbr", "/proc/sys/kernel/osrelease": "6.1"}, Want: fact.Info, Says: "by itself"},
		{ID: "tcp.cc", Files: files{ipv4 + "tcp_congestion_control": "bbr"}, Want: fact.Unknown, RunOn: "initns"},
		{ID: "tcp.retrans", Files: files{snmp: "Tcp: OutSegs RetransSegs\nTcp: 10000 201\n"}, Want: fact.Warn, Says: "2.01 %"},
		{ID: "tcp.retrans", Files: files{snmp: "Tcp: OutSegs RetransSegs\nTcp: 10000 20\n", netstat: ext("TCPSynRetrans", "1")}, Want: fact.OK},
		{ID: "tcp.retrans", Files: files{snmp: "Tcp: OutSegs RetransSegs\nTcp: 100 20\n"}, Want: fact.Info, Says: "too few"},
		{ID: "tcp.retrans", Files: files{snmp: "Tcp: OutSegs\nTcp: 100\n"}, Want: fact.Unknown},
		{ID: "tcp.mtu", Probe: way("", "1500"), Env: gce, Files: files{ipv4 + "tcp_mtu_probing": "0"}, Want: fact.Warn, Says: "1500"},
		{ID: "tcp.mtu", Probe: way("", "1460"), Env: gce, Files: files{ipv4 + "tcp_mtu_probing": "0"}, Want: fact.Info},
		{ID: "tcp.mtu", Probe: way("", "1200"), Files: files{ipv4 + "tcp_mtu_probing": "0"}, Want: fact.Warn, Says: "IPv6"},
		{ID: "tcp.mtu", Probe: way("veth", "1500"), Files: files{ipv4 + "tcp_mtu_probing": "0"}, Want: fact.Unknown, RunOn: "initns"},
		{ID: "tcp.mtu", Probe: `{"network": {"links": {"seen": true}, "routes": {"seen": true}}}`, Want: fact.Skip},
		{ID: "tcp.busy-poll", Files: files{core + "busy_poll": "0", core + "busy_read": "0"}, Want: fact.Info, Says: "off"},
		{ID: "tcp.busy-poll", Files: files{core + "busy_poll": "50", core + "busy_read": "50"}, Want: fact.Info, Says: "50 µs"},
		{ID: "tcp.busy-poll", Env: docker, Want: fact.Unknown, RunOn: "initns"},
	})
}
