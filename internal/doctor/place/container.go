package place

import (
	"regexp"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

// containers returns the containers around us, none or one of each kind.
func containers(s *see.System) []fact.Layer {
	for _, find := range []func(*see.System) (fact.Layer, bool){openvz, wsl, gvisor, proot} {
		if layer, ok := find(s); ok {
			return []fact.Layer{layer}
		}
	}
	var layers []fact.Layer
	named, ok := manager(s)
	if !ok {
		named, ok = grouped(s)
	}
	if !ok {
		named, ok = marked(s)
	}
	kube, inPod := pod(s)
	if ok {
		layers = append(layers, named)
	}
	if inPod {
		layers = append(layers, kube)
	}
	if len(layers) > 0 {
		return layers
	}
	// Nothing gives it a name, but a namespace for control groups is made for
	// containers alone.
	if ev := Signs(s); len(ev) > 0 && strings.HasPrefix(ev[0].Source, "/sys/fs/cgroup") {
		return []fact.Layer{{Kind: fact.Container, Name: "unknown", Confidence: fact.Medium, Evidence: ev}}
	}
	return nil
}

func contained(name string, c fact.Confidence, ev ...fact.Evidence) (fact.Layer, bool) {
	return fact.Layer{Kind: fact.Container, Name: name, Confidence: c, Evidence: ev}, true
}

// openvz has /proc/vz everywhere and /proc/bc on the host alone.
func openvz(s *see.System) (fact.Layer, bool) {
	vz, _ := s.Exists("/proc/vz") // what cannot be seen is no sign
	bc, err := s.Exists("/proc/bc")
	if !vz || bc || err != nil {
		return fact.Layer{}, false
	}
	return contained("openvz", fact.High, fact.Read("/proc/vz", "", "present"), fact.Read("/proc/bc", "", "absent"))
}

// wsl writes Microsoft's name into the kernel's release: with a capital in the
// first version, which has no Linux kernel, in small letters in the second.
func wsl(s *see.System) (fact.Layer, bool) {
	text, ev, err := s.Says("/proc/sys/kernel/osrelease")
	switch {
	case err != nil:
	case strings.Contains(text, "WSL2"), strings.Contains(text, "microsoft"):
		return contained("wsl2", fact.High, ev)
	case strings.Contains(text, "Microsoft"), strings.Contains(text, "WSL"):
		return contained("wsl1", fact.High, ev)
	}
	return fact.Layer{}, false
}

// gvisor has a kernel of its own, which answers with one version for ever.
func gvisor(s *see.System) (fact.Layer, bool) {
	text, ev, err := s.Says("/proc/version")
	switch {
	case err != nil:
	case strings.Contains(strings.ToLower(text), "gvisor"):
		return contained("gvisor", fact.High, ev)
	case strings.HasPrefix(text, "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016"):
		return contained("gvisor", fact.High, ev)
	}
	return fact.Layer{}, false
}

// proot traces its processes to change what they see of files.
func proot(s *see.System) (fact.Layer, bool) {
	status, _, err := see.As(s, "/proc/self/status", parse.Texts)
	if err != nil || status["TracerPid"] == "" || status["TracerPid"] == "0" {
		return fact.Layer{}, false
	}
	text, ev, err := s.Says("/proc/" + status["TracerPid"] + "/comm")
	if err != nil || !strings.HasPrefix(text, "proot") {
		return fact.Layer{}, false
	}
	return contained("proot", fact.High, ev)
}

// manager reads what a manager that wants to be known leaves for us.
func manager(s *see.System) (fact.Layer, bool) {
	for _, file := range []string{"/run/host/container-manager", "/run/systemd/container"} {
		if text, ev, err := s.Says(file); err == nil && text != "" {
			return contained(known(s, text), fact.High, ev)
		}
	}
	const file = "/proc/1/environ"
	data, err := s.Read(file)
	if err != nil {
		return fact.Layer{}, false
	}
	if text := parse.Environ(data)["container"]; text != "" {
		return contained(known(s, text), fact.High, fact.Read(file, "container="+text, text))
	}
	return fact.Layer{}, false
}

// known is our name for a manager. "oci" is any, which the marks tell apart; LXD
// and Incus call themselves lxc, and have a socket for their guests.
func known(s *see.System, name string) string {
	switch name {
	case "systemd-nspawn":
		return "nspawn"
	case "lxc", "lxc-libvirt":
		if ok, err := s.Exists("/dev/lxd/sock"); err == nil && ok {
			return "lxd"
		}
		if ok, err := s.Exists("/dev/incus/sock"); err == nil && ok {
			return "incus"
		}
		return "lxc"
	case "oci":
		if layer, ok := mark(s); ok {
			return layer.Name
		}
		return "oci"
	}
	return strings.ToLower(name)
}

// groups are words in the path of a control group, and who writes them.
func groups() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"docker":     regexp.MustCompile(`/docker[-/][0-9a-f]{12,}`),
		"podman":     regexp.MustCompile(`/libpod-[0-9a-f]{12,}`),
		"containerd": regexp.MustCompile(`cri-containerd|/containerd/`),
		"cri-o":      regexp.MustCompile(`/crio-[0-9a-f]{12,}`),
		"lxc":        regexp.MustCompile(`/lxc(\.payload)?[./]`),
		"nspawn":     regexp.MustCompile(`/machine\.slice/.*\.nspawn|systemd-nspawn@`),
	}
}

// grouped reads the names of control groups, which the kernel keeps.
func grouped(s *see.System) (fact.Layer, bool) {
	for _, file := range []string{"/proc/1/cgroup", "/proc/self/cgroup"} {
		text, ev, err := s.Says(file)
		if err != nil {
			continue
		}
		for _, name := range []string{"containerd", "cri-o", "podman", "docker", "lxc", "nspawn"} {
			if groups()[name].MatchString(text) {
				// Our own path may be that of a container that we look into from the host.
				confidence := fact.High
				if file == "/proc/self/cgroup" {
					confidence = fact.Medium
				}
				return contained(name, confidence, ev)
			}
		}
	}
	return fact.Layer{}, false
}

// mark reads the marks that engines put into the file system of a container,
// which stay when an image is made of it.
func mark(s *see.System) (fact.Layer, bool) {
	for _, row := range [][2]string{{"/run/.containerenv", "podman"}, {"/.dockerenv", "docker"}, {"/dev/lxd/sock", "lxd"}, {"/dev/incus/sock", "incus"}} {
		if ok, err := s.Exists(row[0]); err == nil && ok {
			return contained(row[1], fact.Low, fact.Read(row[0], "", "present"))
		}
	}
	mounts, _, err := see.As(s, "/proc/self/mountinfo", parse.Mounts)
	if err != nil {
		return fact.Layer{}, false
	}
	for _, m := range mounts {
		if m.Type == "fuse.lxcfs" {
			return contained("lxc", fact.Medium, fact.Read("/proc/self/mountinfo", m.Point+" "+m.Type, m.Point))
		}
	}
	return fact.Layer{}, false
}

// marked believes a mark that something of the kernel speaks for.
func marked(s *see.System) (fact.Layer, bool) {
	layer, ok := mark(s)
	if !ok {
		return layer, false
	}
	signs := Signs(s)
	layer.Evidence = append(layer.Evidence, signs...)
	switch {
	case len(signs) >= 2, layer.Confidence == fact.Medium:
		layer.Confidence = fact.High
	case len(signs) == 1:
		layer.Confidence = fact.Medium
	default:
		return layer, false
	}
	return layer, true
}

// Stale returns a mark of a container that nothing speaks for: an image left it.
func Stale(s *see.System) (fact.Evidence, bool) {
	layer, ok := mark(s)
	if !ok || len(containers(s)) > 0 {
		return fact.Evidence{}, false
	}
	return layer.Evidence[0], true
}

// Signs are the traces that the kernel shows of a container, whoever made it:
// first a namespace for control groups, then a stacked root and mapped users.
func Signs(s *see.System) []fact.Evidence {
	var signs []fact.Evidence
	events, _ := s.Exists("/sys/fs/cgroup/cgroup.events") // what cannot be seen is no sign
	kind, _ := s.Exists("/sys/fs/cgroup/cgroup.type")
	if kind || events {
		// The root group of the machine has neither file.
		signs = append(signs, fact.Read("/sys/fs/cgroup/cgroup.type", "", "present: our root group is not the machine's"))
	}
	first, _ := s.Exists("/sys/fs/cgroup/systemd")
	agent, err := s.Exists("/sys/fs/cgroup/systemd/release_agent")
	if first && !agent && err == nil {
		signs = append(signs, fact.Read("/sys/fs/cgroup/systemd/release_agent", "", "absent: our root group is not the machine's"))
	}
	if mounts, _, err := see.As(s, "/proc/self/mountinfo", parse.Mounts); err == nil {
		for _, m := range mounts {
			if m.Point == "/" && (m.Type == "overlay" || m.Type == "aufs") {
				signs = append(signs, fact.Read("/proc/self/mountinfo", "/ "+m.Type, m.Type))
				break
			}
		}
	}
	if ids, ev, err := see.As(s, "/proc/self/uid_map", parse.IDMaps); err == nil && len(ids) > 0 && !parse.WholeIDMap(ids) {
		signs = append(signs, ev)
	}
	return signs
}

// pod is a container of Kubernetes, whatever engine runs it.
func pod(s *see.System) (fact.Layer, bool) {
	const token = "/var/run/secrets/kubernetes.io"
	if ok, err := s.Exists(token); err == nil && ok {
		return contained("kubernetes", fact.High, fact.Read(token, "", "present"))
	}
	for _, file := range []string{"/proc/1/cgroup", "/proc/self/cgroup"} {
		if text, ev, err := s.Says(file); err == nil && strings.Contains(text, "kubepods") {
			return contained("kubernetes", fact.High, ev)
		}
	}
	return fact.Layer{}, false
}
