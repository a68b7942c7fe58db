package fw

import (
	"strings"
	"testing"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/trial"
)

func TestHonest(t *testing.T) { trial.Honest(t, Rows()) }

type files = map[string]string

var docker = []fact.Layer{{Kind: fact.Container, Name: "docker", Confidence: fact.High}}

func TestTracking(t *testing.T) {
	const somaxconn = "/proc/sys/net/ipv4/tcp_syncookies"
	rows := func(chain string) string { return `{"network": {"chains": {"seen": true, "list": [` + chain + `]}}}` }
	stat := func(drop string) string { return "entries drop early_drop\n00000009 " + drop + " 00000000\n" }
	table := func(n string) files { return files{tracked: n, most: "1000"} }
	many := strings.TrimSuffix(strings.Repeat(`{"name": "KUBE-SVC-A"},`, 1001), ",")
	trial.Run(t, append(append(Rows()[:3:3], Rows()[8]), Rows()[9]), []trial.Case{
		{ID: "fw.conntrack-on", Files: files{somaxconn: "1"}, Want: fact.OK, Says: "does not track"},
		{ID: "fw.conntrack-on", Files: files{somaxconn: "1", most: "1000"}, Want: fact.Unknown, RunOn: "initns"},
		{ID: "fw.conntrack-full", Files: files{somaxconn: "1", most: "1000"}, Want: fact.Unknown, RunOn: "initns"},
		{ID: "fw.conntrack-on", Files: files{somaxconn: "1"}, Env: docker, Want: fact.Unknown, RunOn: "initns"},
		{ID: "fw.conntrack-on", Files: table("7"), Probe: rows(`{"table": "filter", "name": "INPUT", "hook": "input", "conntrack": true}`), Want: fact.Warn, Says: "7 connections are tracked, since filter INPUT"},
		{ID: "fw.conntrack-on", Files: table("7"), Want: fact.Warn, Says: "7 connections"},
		{ID: "fw.conntrack-on", Files: table("0"), Probe: rows(""), Want: fact.OK},
		{ID: "fw.conntrack-on", Files: files{tracked: "0", "/proc/net/ip_tables_names": "nat\nfilter\n"}, Want: fact.Warn, Says: "iptables nat"},
		{ID: "fw.conntrack-on", Files: table("0"), Probe: `{"network": {"chains": {"error": "EPERM", "class": "permission denied"}}}`, Want: fact.Unknown, RunOn: "root"},
		{ID: "fw.conntrack-on", Files: files{tracked: "0", "/proc/net/ip_tables_names": "filter\n"}, Probe: rows(""), Want: fact.Unknown, RunOn: "root"},
		{ID: "fw.conntrack-full", Files: table("1"), Want: fact.OK, Says: "not counted"},
		{ID: "fw.conntrack-full", Files: files{tracked: "1", most: "1000", "/proc/net/stat/nf_conntrack": ""}, Want: fact.Unknown, Says: "1 of 1000; whether any was dropped cannot be seen"},
		{ID: "fw.conntrack-full", Files: table("701"), Want: fact.Warn, Says: "701 of 1000"},
		{ID: "fw.conntrack-full", Files: table("901"), Want: fact.Fail},
		{ID: "fw.conntrack-full", Files: files{tracked: "1", most: "1000", "/proc/net/stat/nf_conntrack": stat("0000001f")}, Want: fact.Warn, Says: "31 connections"},
		{ID: "fw.conntrack-full", Files: files{tracked: "1", most: "1000", "/proc/net/stat/nf_conntrack": stat("0000001f")}, Before: files{"/proc/net/stat/nf_conntrack": stat("00000001")}, Want: fact.Fail, Says: "30 connections"},
		{ID: "fw.conntrack-full", Files: files{somaxconn: "1"}, Want: fact.Skip},
		{ID: "fw.rules", Probe: rows(`{"name": "a", "hook": "input", "rules": 40}, {"name": "b", "hook": "input", "rules": 20}, {"name": "c", "rules": 900}`), Want: fact.Warn, Says: "60 rules at input"},
		{ID: "fw.rules", Probe: rows(`{"name": "a", "hook": "input", "rules": 4}, {"name": "b", "hook": "postrouting", "rules": 90}`), Want: fact.OK, Says: "4 rules"},
		{ID: "fw.rules", Want: fact.Unknown},
		{ID: "fw.rules", Probe: rows(""), Env: docker, Want: fact.Unknown, RunOn: "initns"},
		{ID: "fw.rules", Probe: rows(""), Files: files{"/proc/net/ip_tables_names": "filter\n"}, Want: fact.Unknown, Says: "iptables-save", RunOn: "root"},
		{ID: "fw.rules", Probe: `{"errors": {"/proc/net/ip_tables_names": "EACCES"}, "network": {"chains": {"seen": true}}}`, Want: fact.Unknown, RunOn: "root"},
		{ID: "fw.ipvs", Files: files{"/proc/net/ip_vs": "IP Virtual Server\nProt LocalAddress:Port\nTCP  0A000001:0050 rr\n  -> 0A000002:0050 Masq\n"}, Want: fact.Info, Says: "1 services"},
		{ID: "fw.ipvs", Want: fact.Skip},
		{ID: "fw.ipvs", Env: docker, Want: fact.Unknown, RunOn: "initns"},
		{ID: "fw.kube-proxy", Probe: rows(many), Want: fact.Warn, Says: "1001"},
		{ID: "fw.kube-proxy", Probe: rows(`{"name": "KUBE-SEP-1"}`), Want: fact.Info},
		{ID: "fw.kube-proxy", Probe: rows(""), Want: fact.OK},
		{ID: "fw.kube-proxy", Probe: rows(""), Env: docker, Want: fact.Unknown, RunOn: "initns"},
	})
}

func TestBridges(t *testing.T) {
	const filter = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	links := func(text string) string {
		return `{"links": {"/proc/self/ns/net": "net:[1]", "/proc/1/ns/net": "net:[1]"}, "network": {"links": {"seen": true, "list": [` + text + `]}}}`
	}
	apart := strings.Replace(links(`{"name": "eth0"}`), "net:[1]", "net:[2]", 1)
	trial.Run(t, Rows()[3:8], []trial.Case{
		{ID: "fw.bridge-nf", Files: files{filter: "1"}, Probe: links(`{"name": "xenbr0", "kind": "bridge"}`), Want: fact.Warn, Says: "xenbr0"},
		{ID: "fw.bridge-nf", Files: files{filter: "1"}, Probe: links(`{"name": "docker0", "kind": "bridge"}`), Want: fact.Info, Says: "count on"},
		{ID: "fw.bridge-nf", Files: files{filter: "1"}, Probe: links(""), Want: fact.Info},
		{ID: "fw.bridge-nf", Files: files{filter: "1"}, Want: fact.Unknown},
		{ID: "fw.bridge-nf", Files: files{filter: "0"}, Want: fact.OK},
		{ID: "fw.bridge-nf", Files: files{"/proc/sys/net/ipv4/x": ""}, Want: fact.OK},
		{ID: "fw.bridge-nf", Files: files{"/proc/sys/net/ipv4/x": ""}, Env: docker, Want: fact.Unknown, RunOn: "initns"},
		{ID: "fw.bridge", Files: files{"/sys/class/net/br0/bridge/stp_state": "1"}, Probe: links(`{"name": "br0", "kind": "bridge"}`), Want: fact.Info, Says: "br0"},
		{ID: "fw.bridge", Probe: links(""), Want: fact.Skip},
		{ID: "fw.bridge", Probe: links(""), Env: docker, Want: fact.Unknown, RunOn: "initns"},
		{ID: "fw.docker-proxy", Files: files{"/proc/9/comm": "docker-proxy\n"}, Want: fact.Warn},
		{ID: "fw.docker-proxy", Files: files{"/proc/1/comm": "x\n"}, Want: fact.OK},
		{ID: "fw.docker-proxy", Files: files{"/proc/1/comm": "x\n", "/proc/7/comm": "y\n"}, Probe: `{"errors": {"/proc/7/comm": "EACCES"}}`, Want: fact.Unknown, RunOn: "root"},
		{ID: "fw.docker-proxy", Files: files{"/proc/1/comm": "x\n"}, Env: docker, Want: fact.Unknown, RunOn: "initns"},
		{ID: "fw.netns", Probe: links(`{"name": "lo", "loopback": true}, {"name": "eth0", "kind": "veth"}`), Want: fact.Info, Says: "behind a veth, eth0"},
		{ID: "fw.netns", Probe: links(`{"name": "eth0"}, {"name": "veth7", "kind": "veth"}`), Want: fact.OK},
		{ID: "fw.netns", Probe: apart, Want: fact.Info, Says: "of our own"},
		{ID: "fw.netns", Probe: links(`{"name": "eth0"}`), Env: docker, Want: fact.Info, Says: "container"},
		{ID: "fw.netns", Probe: `{"errors": {"/proc/1/ns/net": "EACCES"}, "links": {"/proc/self/ns/net": "net:[1]"}, "network": {"links": {"seen": true}}}`, Want: fact.Unknown, RunOn: "root"},
		{ID: "fw.xdp", Probe: links(`{"name": "eth0", "xdp": true}`), Want: fact.Info, Says: "eth0"},
		{ID: "fw.xdp", Probe: links(`{"name": "eth0"}`), Want: fact.OK},
		{ID: "fw.xdp", Probe: links(`{"name": "eth0"}`), Env: docker, Want: fact.Unknown, RunOn: "initns"},
		{ID: "fw.xdp", Want: fact.Unknown},
	})
}
