package spread

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestProve asks this kernel; the rule that it is said to have is seen again.
func TestProve(t *testing.T) {
	cpus, err := allowed()
	if err != nil || len(cpus) < 2 {
		t.Skipf("two processors are missing: %v, %v", cpus, err)
	}
	var k Kernel
	for _, r := range []Rule{IncomingCPU, CBPF} {
		err := k.works(r)
		t.Logf("%s: %v", r, err)
		if again := k.works(r); !errors.Is(again, err) {
			t.Errorf("%s: %v, then %v", r, err, again)
		}
	}
	seems := 0 // by chance, of two processors once in 2¹⁴
	for range 2 {
		if prove(Hash) == nil {
			seems++
		}
	}
	if seems == 2 {
		t.Error("a hash knows the processor")
	}
}

// TestChoose goes from the best rule to the next, and says why.
func TestChoose(t *testing.T) {
	no := errors.New("no")
	for _, tt := range []struct {
		want      string
		sockets   int
		cpu, cbpf error
		rule      Rule
		why       string
	}{
		{"auto", 1, nil, nil, Hash, ""},
		{"auto", 2, nil, nil, IncomingCPU, ""},
		{"auto", 65, nil, nil, CBPF, "incoming_cpu: 65 sockets are more than 64"},
		{"auto", 2, no, nil, CBPF, "incoming_cpu: no"},
		{"auto", 2, no, no, Hash, "incoming_cpu: no; cbpf: no"},
		{"incoming_cpu", 2, no, no, Hash, "incoming_cpu: no; cbpf: no"},
		{"cbpf", 2, nil, nil, CBPF, ""},
		{"cbpf", 2, nil, no, Hash, "cbpf: no"},
		{"hash", 2, nil, nil, Hash, ""},
	} {
		k := Kernel{known: map[Rule]error{IncomingCPU: tt.cpu, CBPF: tt.cbpf}}
		if rule, why := k.Choose(tt.want, tt.sockets); rule != tt.rule || why != tt.why {
			t.Errorf("%s for %d: %s, %q, not %s, %q", tt.want, tt.sockets, rule, why, tt.rule, tt.why)
		}
	}
}

// TestApplyFails: what the kernel says is told.
func TestApplyFails(t *testing.T) {
	for r, call := range map[Rule]string{IncomingCPU: "SO_INCOMING_CPU", CBPF: "SO_ATTACH_REUSEPORT_CBPF", Hash: "SO_DETACH_REUSEPORT_BPF"} {
		if err := Apply(r, []int{-1}); !errors.Is(err, unix.EBADF) || !strings.Contains(err.Error(), call) {
			t.Errorf("%s: %v", r, err)
		}
	}
	if err := Apply(CBPF, nil); err != nil {
		t.Error(err)
	}
	if err := Elect(-1, 0); !errors.Is(err, unix.EBADF) || !strings.Contains(err.Error(), "SO_DETACH_REUSEPORT_BPF") {
		t.Error(err)
	}
}

// TestKnockEnds: a kernel that drops the packets of the loopback interface is not
// waited for longer than a handshake may take.
func TestKnockEnds(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	if err := errors.Join(
		unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 1),
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop[0]}),
	); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := knock(at, []int{fd}); err == nil || errors.Is(err, unix.ETIMEDOUT) {
		t.Errorf("nobody came: %v", err)
	}
}
