package nic

import (
	"strings"
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
)

// with is a probe with eth0, and what its driver says; more are further members.
func with(driver string, more ...string) string {
	return `{"network": {"links": {"list": [{"name": "lo", "index": 1, "loopback": true, "up": true}, {"name": "eth0", "index": 2, "up": true, "txqlen": 1000}` +
		strings.Join(more[min(1, len(more)):], "") + `]}, "qdiscs": {"list": [{"link": 2, "kind": "mq"}, {"link": 2, "kind": "fq_codel", "drops": 3}]}}, "ethtool": {"eth0": {"driver": "` + driver + `"` + strings.Join(more[:min(1, len(more))], "") + `}}}`
}

const (
	veth  = `{"network": {"links": {"list": [{"name": "eth0", "index": 2, "up": true, "kind": "veth", "peer": 9}]}}}`
	empty = `{"network": {"links": {"seen": true}}}`
	vf    = `, {"name": "enP1", "index": 3, "up": true, "master": 2}`
)

// sys is sysfs of eth0 on four processors, and further files.
func sys(more files) files {
	f := files{"/sys/class/net/eth0/ifindex": "2\n", "/sys/devices/system/cpu/online": "0-3\n"}
	for name, text := range more {
		f[strings.Replace(name, "Q/", "/sys/class/net/eth0/queues/", 1)] = text
	}
	return f
}

func TestCards(t *testing.T) {
	const features = `, "features": {"tx-scatter-gather": true, "tx-tcp-segmentation": `
	trial.Run(t, pick("nic.driver", "nic.sriov", "nic.coalesce", "nic.offloads", "nic.txqueuelen", "nic.ring"), []trial.Case{
		{ID: "nic.driver", Probe: with("e1000"), Env: kvm, Want: fact.Fail, Says: "eth0: e1000, an emulated"},
		{ID: "nic.driver", Probe: with("e1000e"), Want: fact.OK},
		{ID: "nic.driver", Probe: with("vif"), Env: kvm, Want: fact.Warn},
		{ID: "nic.driver", Probe: with("hv_netvsc"), Env: kvm, Want: fact.Warn},
		{ID: "nic.driver", Probe: with("hv_netvsc", "", vf), Env: kvm, Want: fact.Unknown, Says: "enP1", RunOn: "host"},
		{ID: "nic.driver", Probe: with("virtio_net"), Env: kvm, Want: fact.OK},
		{ID: "nic.driver", Probe: with("strange"), Env: kvm, Want: fact.Info},
		{ID: "nic.driver", Probe: veth, Env: docker, Want: fact.Unknown, RunOn: "initns"},
		{ID: "nic.driver", Probe: empty, Want: fact.Skip},
		{ID: "nic.sriov", Probe: with("ixgbevf"), Env: kvm, Want: fact.OK},
		{ID: "nic.sriov", Probe: with("virtio_net"), Env: kvm, Want: fact.Info},
		{ID: "nic.sriov", Probe: with("i40e"), Want: fact.Skip},
		{ID: "nic.coalesce", Probe: with("ena", `, "coalesce": {"adaptive_rx": true, "rx_usecs": 20}`), Want: fact.Info, Says: "adaptive-rx true"},
		{ID: "nic.coalesce", Probe: with("vif"), Want: fact.Skip},
		{ID: "nic.offloads", Probe: with("ena", features+`true}`), Want: fact.OK},
		{ID: "nic.offloads", Probe: with("ena", features+`false}`), Want: fact.Warn, Says: "tx-tcp-segmentation off"},
		{ID: "nic.offloads", Probe: with("ena"), Want: fact.Unknown},
		{ID: "nic.txqueuelen", Probe: with("ena"), Want: fact.OK},
		{ID: "nic.txqueuelen", Probe: strings.Replace(with("ena"), "1000", "32", 1), Want: fact.Info},
		{ID: "nic.ring", Probe: with("ena", `, "ring": {"max_rx": 1024, "rx": 1024}`), Want: fact.OK},
		{ID: "nic.ring", Probe: with("ena", `, "ring": {"max_rx": 1024, "rx": 128}`), Files: files{"/proc/net/dev": dev("5")}, Want: fact.Warn, Says: "5 packets"},
		{ID: "nic.ring", Probe: with("ena", `, "ring": {"max_rx": 1024, "rx": 128}`), Files: files{"/proc/net/dev": dev("0")}, Want: fact.Info},
		{ID: "nic.ring", Probe: with("ena", `, "ring": {"max_rx": 1024, "rx": 128}`), Want: fact.Unknown},
		{ID: "nic.ring", Probe: with("vif"), Want: fact.Skip},
	})
}

// dev is /proc/net/dev with drops at eth0.
func dev(drops string) string {
	return "Inter-| Receive\n face |bytes\n  eth0: 1 10000 0 " + drops + " 0 0 0 0 1 1 0 0 0 0 0 0\n"
}

func pick(ids ...string) (rows []see.Row) {
	for _, r := range Rows() {
		for _, id := range ids {
			if r.ID == id {
				rows = append(rows, r)
			}
		}
	}
	return rows
}

func TestQueues(t *testing.T) {
	channels := func(now, most string) string {
		return with("virtio_net", `, "channels": {"max_combined": `+most+`, "combined": `+now+`}`)
	}
	stat := func(softirq string) string {
		return "cpu 1 1 1 1\ncpu0 100 0 100 500 0 0 " + softirq + " 0\ncpu1 100 0 100 500 0 0 0 0\n"
	}
	irq := func(a, b string) string {
		return "  CPU0 CPU1\n 24: " + a + " 0 PCI-MSIX virtio0-input.0\n 25: 0 9 PCI-MSIX virtio0-output.0\n 26: 0 " + b + " PCI-MSIX virtio0-input.1\n 27: 0 7777777 PCI-MSIX virtio1-input.1\n"
	}
	device := strings.Replace(with("virtio_net"), `{"network"`, `{"links": {"/sys/class/net/eth0/device": "../../virtio0"}, "network"`, 1)
	trial.Run(t, pick("nic.queues", "nic.rps", "nic.rfs", "nic.xps", "nic.irq-affinity", "nic.irqbalance", "nic.rss-hash"), []trial.Case{
		{ID: "nic.queues", Probe: channels("1", "1"), Files: sys(nil), Want: fact.Warn, Says: "one queue for 4 processors, and the card has no more"},
		{ID: "nic.queues", Probe: channels("2", "8"), Files: sys(nil), Want: fact.Warn, Says: "2 of at most 8 queues for 4"},
		{ID: "nic.queues", Probe: channels("4", "8"), Files: sys(nil), Want: fact.OK},
		{ID: "nic.queues", Probe: with("vif"), Files: sys(files{"Q/rx-0/rps_cpus": "0"}), Want: fact.Warn, Says: "is not said"},
		{ID: "nic.queues", Probe: with("vif"), Files: sys(nil), Want: fact.Unknown},
		{ID: "nic.queues", Probe: channels("4", "8"), Want: fact.Unknown},
		{ID: "nic.rps", Probe: with("x"), Files: sys(files{"Q/rx-0/rps_cpus": "f", "Q/rx-1/rps_cpus": "f", "Q/rx-2/rps_cpus": "f", "Q/rx-3/rps_cpus": "f"}), Want: fact.Warn, Says: "4 queues for 4"},
		{ID: "nic.rps", Probe: with("x"), Files: sys(files{"Q/rx-0/rps_cpus": "00000000,0000000e"}), Want: fact.Info, Says: "on for 1 of 1"},
		{ID: "nic.rps", Probe: with("x"), Files: sys(files{"Q/rx-0/rps_cpus": "0", "Q/rx-1/rps_cpus": "0"}), Want: fact.OK},
		{ID: "nic.rps", Probe: with("x"), Files: sys(files{"Q/rx-0/rps_cpus": "00", "/proc/stat": stat("500")}), Want: fact.Warn, Says: "processor 0 spends 42 %"},
		{ID: "nic.rps", Probe: with("x"), Files: sys(files{"Q/rx-0/rps_cpus": "00", "/proc/stat": stat("10")}), Want: fact.Info, Says: "would not pay"},
		{ID: "nic.rps", Probe: with("x"), Files: sys(files{"Q/rx-0/rps_cpus": "00"}), Want: fact.Unknown},
		{ID: "nic.rps", Probe: with("x"), Files: files{"/sys/class/net/eth0/ifindex": "7"}, Want: fact.Unknown},
		{ID: "nic.rps", Probe: veth, Env: docker, Files: sys(files{"Q/rx-0/rps_cpus": "3"}), Want: fact.Warn, Says: "on at a veth"},
		{ID: "nic.rps", Probe: veth, Env: docker, Files: sys(files{"Q/rx-0/rps_cpus": "0"}), Want: fact.Unknown, Says: "off at our end", RunOn: "initns"},
		{ID: "nic.rps", Probe: veth, Env: docker, Files: files{"/sys/class/net/eth0/ifindex": "7"}, Want: fact.Unknown, Says: "the host's", RunOn: "initns"},
		{ID: "nic.rfs", Files: files{"/proc/sys/net/core/rps_sock_flow_entries": "0"}, Want: fact.Info, Says: "off"},
		{ID: "nic.xps", Probe: with("x"), Files: sys(files{"Q/tx-0/xps_cpus": "0", "Q/tx-1/xps_cpus": "0"}), Want: fact.Info},
		{ID: "nic.xps", Probe: with("x"), Files: sys(files{"Q/tx-0/xps_cpus": "1", "Q/tx-1/xps_cpus": "2"}), Want: fact.OK},
		{ID: "nic.xps", Probe: with("x"), Files: sys(files{"Q/tx-0/xps_cpus": "0"}), Want: fact.Skip},
		{ID: "nic.xps", Probe: with("x"), Files: sys(nil), Want: fact.Unknown},
		{ID: "nic.irq-affinity", Probe: device, Files: files{"/proc/interrupts": irq("9000", "1000")}, Want: fact.Warn, Says: "90 % of 10000 interrupts of 2 queues on processor 0"},
		{ID: "nic.irq-affinity", Probe: device, Files: files{"/proc/interrupts": irq("5000", "5000")}, Want: fact.OK},
		{ID: "nic.irq-affinity", Probe: device, Files: files{"/proc/interrupts": irq("9000", "1000")}, Before: files{"/proc/interrupts": irq("9000", "0")}, Want: fact.Warn, Says: "100 % of 1000"},
		{ID: "nic.irq-affinity", Probe: device, Files: files{"/proc/interrupts": irq("9", "1")}, Want: fact.Info},
		{ID: "nic.irq-affinity", Probe: device, Files: files{"/proc/interrupts": irq("9000", "9000")}, Before: files{
			"/proc/interrupts": "  CPU1\n 24: 0 PCI-MSIX virtio0-input.0\n 26: 5000 PCI-MSIX virtio0-input.1\n",
		}, Want: fact.Warn, Says: "100 % of 4000 interrupts of 2 queues on processor 1"},
		{ID: "nic.rps", Probe: with("x"), Files: sys(files{"Q/rx-0/rps_cpus": "00", "/proc/stat": stat("500")}), Before: files{
			"/proc/stat": "cpu 1 1 1 1\ncpu1 50 0 50 100 0 0 0 0\n",
		}, Want: fact.Info, Says: "would not pay"},
		{ID: "nic.irq-affinity", Probe: with("x"), Files: files{"/proc/interrupts": irq("9000", "1000")}, Want: fact.Unknown},
		{ID: "nic.irq-affinity", Probe: with("mlx5_core", `, "bus": "0000:03:00.0"`), Files: files{"/proc/interrupts": "CPU0 CPU1\n1: 1 0 PCI mlx5_comp0@pci:0000:03:00.0\n2: 7000 0 PCI mlx5_comp1@pci:0000:03:00.0\n3: 9 9 PCI mlx5_async@pci:0000:03:00.0\n"}, Want: fact.Warn, Says: "of 2 queues"},
		{ID: "nic.irq-affinity", Probe: with("x"), Files: files{"/proc/interrupts": "CPU0 CPU1\n 1: 5000 5 MSI eth0-TxRx-0\n"}, Want: fact.Skip},
		{ID: "nic.irqbalance", Files: files{"/proc/7/comm": "irqbalance\n"}, Ours: &see.Ours{Shards: 4}, Want: fact.Warn},
		{ID: "nic.irqbalance", Files: files{"/proc/7/comm": "irqbalance\n"}, Want: fact.Info},
		{ID: "nic.irqbalance", Files: files{"/proc/1/comm": "x\n"}, Want: fact.OK},
		{ID: "nic.irqbalance", Files: files{"/proc/1/comm": "x\n", "/proc/7/comm": "y\n"}, Probe: `{"errors": {"/proc/7/comm": "EACCES"}}`, Want: fact.Unknown, RunOn: "root"},
		{ID: "nic.irqbalance", Files: files{"/proc/1/comm": "x\n"}, Env: docker, Want: fact.Unknown, RunOn: "initns"},
		{ID: "nic.rss-hash", Probe: with("ena", `, "channels": {"max_combined": 2, "combined": 2}, "rss": [0, 1, 0, 1]`), Want: fact.OK},
		{ID: "nic.rss-hash", Probe: with("ena", `, "channels": {"max_combined": 3, "combined": 3}, "rss": [0, 1, 0, 1]`), Want: fact.Warn, Says: "0 places"},
		{ID: "nic.rss-hash", Probe: with("ena", `, "channels": {"max_combined": 3, "combined": 3}`), Want: fact.Unknown},
		{ID: "nic.rss-hash", Probe: with("ena", `, "channels": {"max_combined": 1, "combined": 1}`), Want: fact.Skip},
	})
}

func TestLosses(t *testing.T) {
	row := func(cpu, dropped string) string { return "ff " + dropped + " 0 0 0 0 0 0 0 0 0 0 " + cpu + "\n" }
	soft := func(dropped, squeezed string) string {
		return "000000ff " + dropped + " " + squeezed + " 0 0 0 0 0 0 0 0\n000000ff 0 0 0 0 0 0 0 0 0 0\n"
	}
	trial.Run(t, pick("nic.softnet", "nic.drops", "nic.ena-allowance", "nic.gve", "nic.netvsc", "nic.qdisc"), []trial.Case{
		{ID: "nic.softnet", Files: files{"/proc/net/softnet_stat": soft("0", "0")}, Want: fact.OK},
		{ID: "nic.softnet", Files: files{"/proc/net/softnet_stat": soft("1f", "0")}, Want: fact.Warn, Says: "31 packets"},
		{ID: "nic.softnet", Files: files{"/proc/net/softnet_stat": soft("1f", "0")}, Before: files{"/proc/net/softnet_stat": soft("1e", "0")}, Want: fact.Fail, Says: "1 packets"},
		{ID: "nic.softnet", Files: files{"/proc/net/softnet_stat": row("0", "1f")}, Before: files{"/proc/net/softnet_stat": row("0", "1f") + row("1", "9")}, Want: fact.OK, Says: "none was dropped"},
		{ID: "nic.softnet", Files: files{"/proc/net/softnet_stat": row("0", "1f")}, Before: files{"/proc/net/softnet_stat": row("1", "1f")}, Want: fact.Unknown, Says: "both looks"},
		{ID: "nic.softnet", Files: files{"/proc/net/softnet_stat": row("0", "1f") + row("1", "9")}, Before: files{"/proc/net/softnet_stat": row("1", "7")}, Want: fact.Fail, Says: "2 packets"},
		{ID: "nic.softnet", Files: files{"/proc/net/softnet_stat": soft("0", "ff"), "/proc/uptime": "100.0 5\n"}, Want: fact.Warn, Says: "2.5 times a second"},
		{ID: "nic.softnet", Files: files{"/proc/net/softnet_stat": soft("0", "f"), "/proc/uptime": "100.0 5\n"}, Want: fact.OK},
		{ID: "nic.softnet", Files: files{"/proc/net/softnet_stat": soft("0", "f")}, Want: fact.Info},
		{ID: "nic.drops", Probe: with("x"), Files: files{"/proc/net/dev": dev("0")}, Want: fact.OK},
		{ID: "nic.drops", Probe: with("x"), Files: files{"/proc/net/dev": dev("1")}, Want: fact.Info},
		{ID: "nic.drops", Probe: with("x"), Files: files{"/proc/net/dev": dev("5")}, Want: fact.Warn},
		{ID: "nic.drops", Probe: with("x"), Files: files{"/proc/net/dev": dev("2")}, Before: files{"/proc/net/dev": dev("1")}, Want: fact.Warn, Says: "1 packets"},
		{ID: "nic.drops", Probe: with("x"), Files: files{"/proc/net/dev": "Inter-| x\n"}, Want: fact.Unknown},
		{ID: "nic.ena-allowance", Probe: with("ena", `, "stats": {"conntrack_allowance_exceeded": 0, "pps_allowance_exceeded": 0}`), Want: fact.OK},
		{ID: "nic.ena-allowance", Probe: with("ena", `, "stats": {"conntrack_allowance_exceeded": 9, "pps_allowance_exceeded": 0}`), Want: fact.Warn, Says: "conntrack_allowance_exceeded 9"},
		{ID: "nic.ena-allowance", Probe: with("ena"), Want: fact.Unknown, Says: "2.2.10"},
		{ID: "nic.ena-allowance", Probe: with("virtio_net"), Want: fact.Skip},
		{ID: "nic.gve", Probe: with("gve", `, "stats": {"rx_dropped_pkt[0]": 3}`), Want: fact.Warn, Says: "3 packets"},
		{ID: "nic.gve", Probe: with("gve", `, "stats": {"rx_dropped_pkt[0]": 0}`), Want: fact.OK},
		{ID: "nic.gve", Probe: with("gve"), Want: fact.Unknown},
		{ID: "nic.gve", Probe: with("ena"), Want: fact.Skip},
		{ID: "nic.netvsc", Probe: with("hv_netvsc", `, "stats": {"vf_rx_packets": 0}`), Want: fact.Warn},
		{ID: "nic.netvsc", Probe: with("hv_netvsc", `, "stats": {"vf_rx_packets": 5}`), Want: fact.OK},
		{ID: "nic.netvsc", Probe: with("hv_netvsc"), Want: fact.Unknown},
		{ID: "nic.netvsc", Probe: with("ena"), Want: fact.Skip},
		{ID: "nic.qdisc", Probe: with("x"), Want: fact.Info, Says: "mq fq_codel, drops 3"},
		{ID: "nic.qdisc", Probe: with("x"), Before: files{}, Want: fact.OK, Says: "drops 0"},
		{ID: "nic.qdisc", Probe: veth, Env: docker, Want: fact.Unknown, RunOn: "initns"},
	})
}
