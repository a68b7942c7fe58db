package gauge

import (
	"path"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

// Links are the interfaces of our network namespace.
func Links(v *see.View) ([]see.Link, error) { return v.Probe.Network().Links.Get("netlink links") }

// Cards are the interfaces that packets come in by: up, and neither loopback nor
// made of software (bridges, tunnels, veth). The ends of guests' cards in Xen's
// first domain, which have no kind, are named vif.
func Cards(v *see.View) ([]see.Link, error) {
	links, err := Links(v)
	_, dom0 := v.Env.Is(fact.Paravirtual, "xen-dom0")
	var cards []see.Link
	for _, l := range links {
		if l.Up && !l.Loop && l.Kind == "" && !(dom0 && strings.HasPrefix(l.Name, "vif")) {
			cards = append(cards, l)
		}
	}
	return cards, err
}

// Sysfs returns the folder of an interface. ok is false when sysfs, which shows
// the namespace that it was mounted in, speaks of another interface or of none.
func Sysfs(v *see.View, l see.Link) (dir string, ok bool) {
	dir = "/sys/class/net/" + l.Name
	n, _, err := Number(v, dir+"/ifindex")
	return dir, err == nil && int(n) == l.Index
}

// Driver is the name of an interface's driver, "" when nothing says it: that of
// the card itself, or the link in sysfs.
func Driver(v *see.View, l see.Link) string {
	if e, err := v.Probe.Ethtool(l.Name); err == nil && e.Driver != "" {
		return e.Driver
	}
	dir, ok := Sysfs(v, l)
	if !ok {
		return ""
	}
	target, err := v.Link(dir + "/device/driver")
	if err != nil {
		return ""
	}
	return path.Base(target)
}

// Queues are how many queues for receiving an interface has and could have; 0
// where that is not said.
func Queues(v *see.View, l see.Link) (now, most int) {
	if e, err := v.Probe.Ethtool(l.Name); err == nil && e.Channels != nil {
		c := e.Channels
		now, most = int(max(c.Combined, c.RX)), int(max(c.MaxCombined, c.MaxRX))
	}
	if now == 0 {
		if dir, ok := Sysfs(v, l); ok {
			now = len(v.Glob(dir + "/queues/rx-*"))
		}
	}
	return now, most
}

// CPUs is how many processors are online, 0 when that cannot be seen.
func CPUs(v *see.View) int {
	if list, _, err := Read(v, "/sys/devices/system/cpu/online", parse.CPUList); err == nil && len(list) > 0 {
		return len(list)
	}
	if s, _, err := Read(v, "/proc/stat", parse.ProcStat); err == nil && len(s.CPUs) > 0 {
		return len(s.CPUs)
	}
	if c, _, err := Read(v, "/proc/cpuinfo", parse.ProcCPUInfo); err == nil {
		return c.Processors
	}
	return 0
}

// Kernel is the version of the kernel.
func Kernel(v *see.View) (parse.Version, error) {
	version, _, err := Read(v, "/proc/sys/kernel/osrelease", parse.Release)
	if err != nil && v.Probe.Self().Uname.Release != "" {
		return parse.Release([]byte(v.Probe.Self().Uname.Release))
	}
	return version, err
}
