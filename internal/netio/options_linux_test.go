package netio

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const noOptions = "NETIO_TEST_NO_OPTIONS"

// TestNoOptionsPerConnection: a process that the kernel kills at its first setsockopt
// after it has begun to listen accepts and answers connections, and they have the
// listener's options.
func TestNoOptionsPerConnection(t *testing.T) {
	if os.Getenv(noOptions) == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestNoOptionsPerConnection$")
		child.Env = append(os.Environ(), noOptions+"=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	l := listen(t, "127.0.0.1:0", ListenOptions{Defer: time.Minute})
	want := map[[2]int]int{}
	for _, o := range [][2]int{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY}, {unix.SOL_SOCKET, unix.SO_KEEPALIVE}, {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL}, {unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
	} {
		if err := l.shards[0].raw.Control(func(fd uintptr) { want[o], _ = unix.GetsockoptInt(int(fd), o[0], o[1]) }); err != nil || want[o] == 0 {
			t.Fatalf("option %v of the listener: %d, %v", o, want[o], err)
		}
	}
	forbid(t, unix.SYS_SETSOCKOPT)
	for range 3 {
		c, s := connectPlain(t, l)
		if n, err := s.Read(make([]byte, 10)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		mustWrite(t, s, []byte("x"))
		if n, err := unix.Read(c, make([]byte, 1)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for o, value := range want {
			if got := getsockopt(t, s, o[0], o[1]); got != value {
				t.Errorf("option %v is %d, the listener's %d", o, got, value)
			}
		}
		_ = s.Close()
		_ = unix.Close(c)
	}
}

// connectPlain makes a client of system calls alone, which sets no options either, and
// has sent a byte.
func connectPlain(t *testing.T, l *Listener) (client int, s *Conn) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: portOf(l.Addr()), Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if s, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return fd, s
}

// forbid lets the kernel kill this process when any of its threads makes that call.
func forbid(t *testing.T, call uint32) {
	t.Helper()
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter))); errno != 0 {
		t.Skip("the kernel has no seccomp filters:", errno)
	}
}
