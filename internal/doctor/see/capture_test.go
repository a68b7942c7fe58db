package see

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
)

// TestCapture: what was read of a machine is a machine again, and does not tell
// whose it is.
func TestCapture(t *testing.T) {
	s := small(t, `{"cpuid": {"0x1": {"ECX": 7}, "0x4": {"EAX": 1}}, "msr": {"0x480": "0x1", "0x481": "EIO"}, "errors": {"/proc/1/environ": "EACCES"},
		"links": {"/sys/a/device": "../virtio_net"}, "ethtool": {"eth0": {"driver": "ena"}},
		"network": {"links": {"list": [{"name": "eth0", "index": 2}]}, "routes": {"list": [{"link": 2, "gateway": "203.0.113.77"}]}}, "self": {"euid": 7}}`)
	s.Record()
	look := func(s *System) string {
		var b strings.Builder
		for _, f := range []string{"/proc/stat", "/proc/none", "/proc/1/environ"} {
			text, err := s.Text(f)
			b.WriteString(text + string(ClassOf(err)) + ";")
		}
		names, _ := s.List("/sys")
		there, _ := s.Exists("/sys/b/1")
		link, _ := s.Link("/sys/a/device")
		b.WriteString(strings.Join(names, ",") + strings.Join(s.Glob("/sys/*/1"), ",") + link)
		if there {
			b.WriteString("there")
		}
		r, _ := s.Probe.CPUID(1, 0)
		m, _ := s.Probe.MSR(0, 0x480)
		_, refused := s.Probe.MSR(0, 0x481)
		e, _ := s.Probe.Ethtool("eth0")
		b.WriteString(string(ClassOf(refused)) + e.Driver)
		if r.ECX == 7 && m == 1 && s.Probe.Self().EUID == 7 && s.Probe.Network().Links.List[0].Name == "eth0" {
			b.WriteString("same")
		}
		return b.String()
	}
	want := look(s)
	var b bytes.Buffer
	if err := s.Capture(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "203.0.113.77") {
		t.Error("the capture tells an address")
	}
	tree := fstest.MapFS{}
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		tree[h.Name] = &fstest.MapFile{Data: data}
	}
	again, err := Fixture(tree)
	if err != nil {
		t.Fatal(err)
	}
	if got := look(again); got != want {
		t.Errorf("the capture reads\n%s, the machine\n%s", got, want)
	}
}

// ending is a file system in which a file has ended between the list and the look.
type ending struct{ fs.FS }

func (e ending) Open(name string) (fs.File, error) {
	if name == "proc/7/comm" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ESRCH}
	}
	return e.FS.Open(name)
}

// TestCaptureEnds: what was gone when it was read is no empty file elsewhere.
func TestCaptureEnds(t *testing.T) {
	s := New(ending{fstest.MapFS{"proc/1/comm": {Data: []byte("init\n")}, "proc/7/comm": {}}}, &recorded{})
	for _, name := range s.Glob("/proc/*/comm") {
		if _, err := s.Read(name); err != nil && ClassOf(err) != Absent {
			t.Fatal(err)
		}
	}
	if _, err := s.List("/proc/7/comm"); err == nil { // nor has it anything in it
		t.Fatal("a process that had ended has a folder")
	}
	var b bytes.Buffer
	if err := s.Capture(&b); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, "proc/1/comm") || strings.Contains(text, "proc/7") {
		t.Error("the capture has a process that had ended, or not the other")
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"ec2d1f0a-1111-2222-3333-444455556666": "ec200000-0000-0000-0000-000000000000",
		"address 02:42:ac:11:00:02 up":         "address 00:00:00:00:00:00 up",
		"i-0af1234567890abcd\n":                "i-00000000000000000\n",
		"addr 10.1.2.3:80 and 127.0.0.1":       "addr 192.0.2.1:80 and 127.0.0.1",
		"0::/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef": "0::/docker/" + strings.Repeat("0", 64),
		"6.18.44-fc flags aes avx2": "6.18.44-fc flags aes avx2",
		"from 2a02:8070:d1::7, [2A02:8070:D1:0:1:2:3:4]:443 and fe80::42:acff:fe11:2%eth0/64": "from 2001:db8::1, [2001:db8::1]:443 and 2001:db8::1%eth0/64",
		"::1 :: 0:0:0:0:0:0:0:1 stay":                                             "::1 :: 0:0:0:0:0:0:0:1 stay",
		"::ffff:203.0.113.7 ::ffff:127.0.0.1":                                     "2001:db8::1 ::ffff:127.0.0.1",
		"addr:2a02:8070::7: refused. SRC=fe80:0000:0000:0000:0042:acff:fe11:0002": "addr:2001:db8::1: refused. SRC=2001:db8::1",
		"2a02:8070:1:2:3:4:5:6:443 2a02:8070::7.":                                 "2001:db8::1:443 2001:db8::1.",
		"0::/docker 12:cpu,cpuacct:/a 0000:00:1f.2 std::dead 12:30:45 a:b::ghi":   "0::/docker 12:cpu,cpuacct:/a 0000:00:1f.2 std::dead 12:30:45 a:b::ghi",
		"80:00:00:48:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:70:6e:11":             "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00",
		"FE80000000000000004200ACFF110002 02":                                     strings.Repeat("0", 32) + " 02",
	} {
		if got := string(redact([]byte(in))); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// FuzzRedact: no address of IPv6 gets through, however it is written and whatever
// stands around it.
func FuzzRedact(f *testing.F) {
	for i, around := range [][3]string{
		{"inet6 ", "2a02:8070::7", "/64 scope global"}, {"[", "fe80::42:acff:fe11:2", "%eth0]:443"},
		{"from=", "11:22:33:44:55:66:77:88", ", 12:34"}, {"a::b,", "::ffff:203.0.113.7", " ::"},
	} {
		f.Add(around[0], netip.MustParseAddr(around[1]).AsSlice(), around[2], byte(i))
	}
	f.Fuzz(func(t *testing.T, before string, address []byte, behind string, form byte) {
		raw := [16]byte{}
		copy(raw[:], address)
		a := netip.AddrFrom16(raw)
		text := a.String()
		if form&1 != 0 {
			text = a.StringExpanded()
		}
		if form&2 != 0 {
			text = strings.ToUpper(text)
		}
		before, behind = before+" ", " "+behind
		got := string(redact([]byte(before + text + behind)))
		got, first := strings.CutPrefix(got, string(redact([]byte(before))))
		got, last := strings.CutSuffix(got, string(redact([]byte(behind))))
		if !first || !last || got != hidden(text) && strings.Trim(got, "0:") != "" {
			t.Errorf("%q became %q", before+text+behind, got)
		}
	})
}
