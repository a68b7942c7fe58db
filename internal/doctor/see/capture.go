package see

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Capture writes a fixture of all that was read of the machine so far, as a tar
// file: the files, and probe.json for the rest. What would tell whose machine it
// is (hardware addresses, unique ids, addresses of IP) is replaced, and of the
// environment of a process only the word that a container is told by is kept.
func (s *System) Capture(w io.Writer) error {
	r := recorded{Links: map[string]string{}, Errors: map[string]string{}}
	if c, ok := s.Probe.(*Recorder); ok {
		r = c.told()
	}
	files, dirs, gone := map[string][]byte{}, map[string]bool{}, map[string]bool{}
	s.mu.Lock()
	for key, k := range s.kept {
		name := key[1:]
		switch {
		case k.err != nil:
			gone[name] = gone[name] || key[0] == 'f' && ClassOf(k.err) == Absent
			if code := codeOf(k.err); code != "" && key[0] != 'g' {
				r.Errors[name] = code
			}
		case key[0] == 'f':
			files[name] = redact(k.data)
			if path.Base(name) == "environ" {
				files[name] = container(k.data)
			}
		case key[0] == 'l':
			r.Links[name] = string(redact(k.data))
		case key[0] == 'd':
			for _, entry := range k.list {
				dirs[path.Join(name, entry)] = true
			}
		case key[0] == 'g':
			for _, match := range k.list {
				dirs[match] = true
			}
		case key[0] == 'e':
			dirs[name] = true
		}
	}
	s.mu.Unlock()
	probe, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	files["/"+probeFile] = redact(probe)
	t := tar.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		if _, isFile := files[name]; isFile || gone[name] || above(name, files, dirs) {
			continue // gone: listed, and not there any more when it was read
		}
		// It was only asked whether this is there: an empty file answers that.
		files[name] = nil
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: inner(name), Mode: 0o644, Size: int64(len(files[name])), Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("write capture: %w", err)
		}
		if _, err := t.Write(files[name]); err != nil {
			return fmt.Errorf("write capture: %w", err)
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	return nil
}

// container is what of an environment tells a container: the rest may be secret.
func container(environ []byte) []byte {
	for _, word := range strings.Split(string(environ), "\x00") {
		if strings.HasPrefix(word, "container=") {
			return []byte(word + "\x00")
		}
	}
	return nil
}

// hidden replaces an address that is not this machine's own in every case.
func hidden(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.IsLoopback() || a.IsUnspecified() {
		return address
	}
	if a.Is4() {
		return "192.0.2.1"
	}
	return "2001:db8::1"
}

// above reports whether name is a folder on the way to something else.
func above(name string, files map[string][]byte, dirs map[string]bool) bool {
	under := func(other string) bool { return strings.HasPrefix(other, name+"/") }
	for f := range files {
		if under(f) {
			return true
		}
	}
	for d := range dirs {
		if under(d) {
			return true
		}
	}
	return false
}

// codeOf is the errno of an error as a recording has it; what is merely absent
// needs none.
func codeOf(err error) string {
	switch ClassOf(err) {
	case Denied:
		return "EACCES"
	case Hidden:
		return "EIO"
	}
	return ""
}

// redact replaces what tells whose machine it is, keeping the length and form
// where a reader may depend on them.
func redact(b []byte) []byte {
	uuid := regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	mac := regexp.MustCompile(`(?i)\b[0-9a-f]{2}(:[0-9a-f]{2}){5,}\b`)
	instance := regexp.MustCompile(`\bi-[0-9a-f]{8,17}\b`)
	long := regexp.MustCompile(`(?i)\b[0-9a-f]{32,64}\b`)
	six := regexp.MustCompile(`\w*:[\w.]*:[\w.:]*`)
	four := regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}\b`)
	zero := func(m []byte) []byte {
		out := slices.Clone(m)
		for i, c := range out {
			if c != '-' && c != ':' && c != '.' {
				out[i] = '0'
			}
		}
		return out
	}
	b = uuid.ReplaceAllFunc(b, func(m []byte) []byte {
		// The first letters of Xen's id tell EC2, and nobody's machine.
		out := zero(m)
		if strings.HasPrefix(strings.ToLower(string(m)), "ec2") {
			copy(out, m[:3])
		}
		return out
	})
	b = mac.ReplaceAllFunc(b, zero)
	b = instance.ReplaceAllFunc(b, func(m []byte) []byte { return append([]byte("i-"), zero(m[2:])...) })
	b = long.ReplaceAllFunc(b, zero)
	b = six.ReplaceAllFunc(b, hideSix)
	return four.ReplaceAllFunc(b, func(m []byte) []byte {
		return []byte(hidden(string(m)))
	})
}

// hideSix hides the addresses of IPv6 in words that colons join: what goes before or
// behind may be a name, or a port.
func hideSix(words []byte) (out []byte) {
	const most = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
	for len(words) > 0 {
		n := min(len(words), most)
		for ; n > 0; n-- {
			whole := n == len(words) || words[n] == ':' || words[n] == '.'
			if _, err := netip.ParseAddr(string(words[:n])); err == nil && whole && bytes.IndexByte(words[:n], ':') >= 0 {
				out = append(out, hidden(string(words[:n]))...)
				break
			}
		}
		if n == 0 { // none begins here
			n = 1 + bytes.IndexByte(words, ':')
			if n == 0 {
				n = len(words)
			}
			out = append(out, words[:n]...)
		}
		words = words[n:]
	}
	return out
}

// Recorder is a Probe that remembers what another one answered.
type Recorder struct {
	Probe

	mu   sync.Mutex
	said recorded
}

// Record makes the system remember what its probe answers, for Capture. It is
// called before anything is asked.
func (s *System) Record() {
	s.Probe = &Recorder{Probe: s.Probe, said: recorded{
		CPUIDs: map[string]Registers{}, MSRs: map[string]string{}, Cards: map[string]Ethtool{}, Links: map[string]string{}, Errors: map[string]string{},
	}}
}

// CPUID asks and remembers.
func (r *Recorder) CPUID(leaf, sub uint32) (Registers, error) {
	regs, err := r.Probe.CPUID(leaf, sub)
	if err == nil {
		key := fmt.Sprintf("%#x", leaf)
		if sub != 0 {
			key = fmt.Sprintf("%#x:%d", leaf, sub)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.said.CPUIDs[key] = regs
	}
	return regs, err
}

// MSR asks and remembers, a refusal too.
func (r *Recorder) MSR(cpu int, register uint32) (uint64, error) {
	value, err := r.Probe.MSR(cpu, register)
	r.mu.Lock()
	defer r.mu.Unlock()
	if code := codeOf(err); err == nil {
		r.said.MSRs[fmt.Sprintf("%#x", register)] = fmt.Sprintf("%#x", value)
	} else if code != "" {
		r.said.MSRs[fmt.Sprintf("%#x", register)] = code
	}
	return value, err
}

// Ethtool asks and remembers.
func (r *Recorder) Ethtool(name string) (Ethtool, error) {
	e, err := r.Probe.Ethtool(name)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.said.Cards[name] = e
	}
	return e, err
}

// told is what was asked, and the answers that are one each.
func (r *Recorder) told() recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := recorded{
		CPUIDs: maps.Clone(r.said.CPUIDs), MSRs: maps.Clone(r.said.MSRs), Cards: maps.Clone(r.said.Cards),
		Links: map[string]string{}, Errors: map[string]string{}, Net: r.Network(), Us: r.Self(),
	}
	t.Net.Sockets.List, t.Net.Routes.List = slices.Clone(t.Net.Sockets.List), slices.Clone(t.Net.Routes.List)
	for i := range t.Net.Sockets.List {
		t.Net.Sockets.List[i].Address = hidden(t.Net.Sockets.List[i].Address)
	}
	for i := range t.Net.Routes.List {
		t.Net.Routes.List[i].Gateway = hidden(t.Net.Routes.List[i].Gateway)
	}
	return t
}
