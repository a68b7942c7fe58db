package fact

import (
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	e := Environment{Stack: []Layer{
		{Kind: Hardware, Name: "x86_64", Confidence: High},
		{Kind: Hypervisor, Name: "kvm", Confidence: High},
		{Kind: Hypervisor, Name: "firecracker", Confidence: Medium},
		{Kind: Container, Name: "docker", Confidence: Low},
	}}
	if got, want := e.String(), "probably firecracker > kvm > x86_64"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !e.Guest() || e.Contained() {
		t.Errorf("guest %v, contained %v", e.Guest(), e.Contained())
	}
	if _, ok := e.Is(Container, "docker"); ok {
		t.Error("a layer of low confidence is believed")
	}
	dom0 := Environment{Stack: []Layer{{Kind: Hypervisor, Name: "xen", Confidence: High}, {Kind: Paravirtual, Name: "xen-dom0", Confidence: High}}}
	if dom0.Guest() {
		t.Error("dom0 is a guest")
	}
}

func TestEvidenceIsBounded(t *testing.T) {
	e := Read("/proc/x", strings.Repeat("é", 1000)+"\n", nil)
	if len(e.Raw) > maxRaw+len("…") || strings.ContainsRune(e.Raw, '\uFFFD') {
		t.Errorf("%d bytes: %q", len(e.Raw), e.Raw)
	}
}

func TestWithLeavesTheOriginal(t *testing.T) {
	f := Say(OK, "x", Read("a", "1", 1))
	one, two := f.With(Read("b", "", nil)), f.With(Read("c", "", nil))
	if one.Evidence[1].Source != "b" || two.Evidence[1].Source != "c" || len(f.Evidence) != 1 {
		t.Errorf("%v %v %v", one, two, f)
	}
}

func TestSysctl(t *testing.T) {
	f := Sysctl("net.core.somaxconn", "4096", "none", Freely, true)
	if f.Set[0].File != "/proc/sys/net/core/somaxconn" || f.Who != Root || !strings.Contains(f.Command, "net.core.somaxconn=") {
		t.Errorf("%+v", f)
	}
}

// TestStands: a value as the kernel shows it, and a number above one that is only to
// be raised.
func TestStands(t *testing.T) {
	for _, c := range []struct {
		set  Setting
		text string
		want bool
	}{
		{Setting{Value: "1"}, "1\n", true}, {Setting{Value: "1"}, "2\n", false}, {Setting{Value: "1"}, "", false},
		{Setting{Value: "65535", Raise: true}, "65535", true}, {Setting{Value: "65535", Raise: true}, "70000\n", true},
		{Setting{Value: "65535", Raise: true}, "4096", false}, {Setting{Value: "65535"}, "70000", false}, {Setting{Value: "65535", Raise: true}, "much", false},
		{Setting{Value: "1024 65535"}, "1024\t65535\n", true}, {Setting{Value: "madvise"}, "always [madvise] never\n", true}, {Setting{Value: "always"}, "always [madvise] never\n", false},
	} {
		if got := c.set.Stands(c.text); got != c.want {
			t.Errorf("%+v at %q: %v", c.set, c.text, got)
		}
	}
}
