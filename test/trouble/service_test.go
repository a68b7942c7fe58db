package trouble

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fishplate/test/harness"
)

// TestServiceManager runs a server as a service manager would: with a listening
// socket passed by name, a socket for its messages and a watchdog; reloads it,
// replaces it, and ends it.
func TestServiceManager(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	l, err := harness.ListenLow()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	passed, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer passed.Close()
	path := filepath.Join(t.TempDir(), "notify")
	ears, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ears.Close()
	text := func(more string) string {
		return fmt.Sprintf("listener \"web\" {\n bind = [\"fd:web\"]\n %s\n}\nbackend \"app\" { servers = [%q] }\nvhost \"any\" { backend = \"app\" }\n", more, o.Addr)
	}
	s := upgradable(t, text(""), func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+path, "LISTEN_FDS=1", "LISTEN_FDNAMES=web", "WATCHDOG_USEC=200000")
		cmd.ExtraFiles = []*os.File{passed}
	})
	hear := func(want ...string) {
		t.Helper()
		_ = ears.SetReadDeadline(time.Now().Add(20 * time.Second))
		b := make([]byte, 4096)
		for {
			n, err := ears.Read(b)
			if err != nil {
				t.Fatalf("never heard %q: %v", want, err)
			}
			found := true
			for _, w := range want {
				found = found && strings.Contains(string(b[:n]), w)
			}
			if found {
				return
			}
		}
	}
	addr := l.Addr().String()
	hear("READY=1", "STATUS=serves generation 1")
	hear("WATCHDOG=1")
	served(t, addr)
	s.Write(text("timeouts { idle = \"5s\" }"))
	s.Signal(syscall.SIGHUP)
	hear("RELOADING=1", "MONOTONIC_USEC=")
	hear("READY=1", "STATUS=serves generation 2")
	s.Signal(syscall.SIGUSR2)
	hear("MAINPID=", "WATCHDOG=1")
	harness.Eventually(t, "the next process serves", func() bool { return another(t, s, s.PID()) })
	hear("WATCHDOG=1")
	served(t, addr)
	// The passed socket can be given up and taken again, in the successor too.
	s.Apply(fmt.Sprintf("listener \"web\" { bind = [%q] }\nvhost \"any\" {\n route \"r\" {\n respond { status = 204 }\n }\n}\n", harness.FreeAddr(t)))
	s.Apply(text(""))
	served(t, addr)
	pid, _ := who(t, s)
	if got := parent(t, pid); got != os.Getpid() {
		t.Errorf("the next process is a child of %d, not of the manager, which would not wait for its end", got)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hear("STOPPING=1")
	select {
	case <-s.Exited():
	case <-time.After(time.Minute):
		t.Error("it did not end")
	}
	// Who connects now waits in the queue of the passed socket.
	c, err := net.DialTimeout("tcp", addr, time.Minute)
	if err != nil {
		t.Fatalf("the manager's socket was closed: %v", err)
	}
	c.Close()
}

// parent returns the parent of a process.
func parent(t *testing.T, pid int) (ppid int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(text[strings.LastIndexByte(string(text), ')')+1:]), " %c %d", new(rune), &ppid); err != nil {
		t.Fatal(err)
	}
	return ppid
}

// shelves is a service manager that keeps descriptors.
type shelves struct {
	c     *net.UnixConn
	mu    sync.Mutex
	names []string // in the order of the files
	files []*os.File
	heard []string
}

func newShelves(t *testing.T) (*shelves, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	s := &shelves{c: c}
	var loop sync.WaitGroup
	loop.Go(s.listen)
	t.Cleanup(func() {
		c.Close()
		loop.Wait()
		for _, f := range s.files {
			f.Close()
		}
	})
	return s, path
}

func (s *shelves) listen() {
	b, rights := make([]byte, 4096), make([]byte, 4096)
	for {
		n, oob, _, _, err := s.c.ReadMsgUnix(b, rights)
		if err != nil {
			return
		}
		text := string(b[:n])
		var fds []int
		if messages, err := syscall.ParseSocketControlMessage(rights[:oob]); err == nil && len(messages) == 1 {
			fds, _ = syscall.ParseUnixRights(&messages[0])
		}
		name := text[strings.LastIndex(text, "=")+1:]
		s.mu.Lock()
		s.heard = append(s.heard, text)
		if at := slices.Index(s.names, name); at >= 0 { // given again, or taken back
			s.files[at].Close()
			s.names, s.files = slices.Delete(s.names, at, at+1), slices.Delete(s.files, at, at+1)
		}
		for _, fd := range fds {
			if strings.HasPrefix(text, "FDSTORE=1") {
				s.names, s.files = append(s.names, name), append(s.files, os.NewFile(uintptr(fd), name))
			} else {
				_ = syscall.Close(fd)
			}
		}
		s.mu.Unlock()
	}
}

// keeps returns the names of what is kept.
func (s *shelves) keeps() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Sorted(slices.Values(s.names))
	return strings.Join(list, " ")
}

// notified makes a process tell its service manager how it does.
func notified(path string) harness.Option {
	return func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+path) }
}

// again starts the next process with what is kept. Nothing that the last one said
// changes that meanwhile.
func (s *shelves) again(server *harness.Server, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	server.Again(notified(path), func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, fmt.Sprint("LISTEN_FDS=", len(s.files)), "LISTEN_FDNAMES="+strings.Join(s.names, ":"))
		cmd.ExtraFiles = slices.Clone(s.files)
	})
}

// TestSocketsOutliveTheProcess: a service manager keeps the listening sockets. A
// client that connects after a crash, or while the service is started again, waits
// and is answered by the next process.
func TestSocketsOutliveTheProcess(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	manager, path := newShelves(t)
	addr, other := harness.FreeAddr(t), harness.FreeAddr(t)
	local := filepath.Join(t.TempDir(), "web.sock")
	_, port, err := net.SplitHostPort(other)
	if err != nil {
		t.Fatal(err)
	}
	const shards = 2
	text := func(more ...string) string {
		return fmt.Sprintf("listener \"web\" {\n  bind = [\"%s\"]\n  accept { shards = %d }\n}\nbackend \"app\" { servers = [%q] }\nvhost \"any\" { backend = \"app\" }\n",
			strings.Join(append([]string{addr}, more...), `", "`), shards, o.Addr)
	}
	name := func(bind string, n int) string {
		return fmt.Sprintf("listen/%d/%d/%s", shards, n, strings.ReplaceAll(bind, ":", "%3A"))
	}
	s := harness.Start(t, text("unix:"+local, other), notified(path))
	kept := func(binds ...string) {
		t.Helper()
		var want []string
		for _, b := range binds {
			for n := range shards {
				if n == 0 || !strings.HasPrefix(b, "unix:") { // one socket has a path
					want = append(want, name(b, n))
				}
			}
		}
		slices.Sort(want)
		harness.Eventually(t, "the manager keeps "+strings.Join(want, " "), func() bool { return manager.keeps() == strings.Join(want, " ") })
	}
	kept(addr, "unix:"+local, other)
	next := func() {
		t.Helper()
		if manager.again(s, path); !s.Ready() {
			t.Fatal(s.Stderr())
		}
	}
	again := func(how syscall.Signal) {
		t.Helper()
		s.Signal(how)
		<-s.Exited()
		waits := []net.Conn{harness.Dial(t, addr)}
		if c, err := net.Dial("unix", local); err != nil {
			t.Errorf("after %v: %v", how, err)
		} else {
			defer c.Close()
			waits = append(waits, c)
		}
		for _, c := range waits {
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			_, _ = io.WriteString(c, get)
		}
		next()
		for _, c := range waits {
			if text, err := io.ReadAll(c); err != nil || status(string(text)) != "200" {
				t.Errorf("after %v, on %v: %q, %v", how, c.RemoteAddr(), text, err)
			}
		}
		served(t, addr)
	}
	again(syscall.SIGKILL)
	again(syscall.SIGTERM)
	// What a change removes is not kept, and refuses; what it adds is.
	s.Apply(text("unix:" + local))
	kept(addr, "unix:"+local)
	if c, err := net.Dial("tcp", other); err == nil {
		c.Close()
		t.Error("a removed listener takes connections")
	}
	s.Apply(text("unix:"+local, other))
	kept(addr, "unix:"+local, other)
	again(syscall.SIGKILL)
	// What the next process does not want is let go before it binds what overlaps.
	s.Signal(syscall.SIGKILL)
	<-s.Exited()
	s.Write(text("0.0.0.0:" + port))
	next()
	kept(addr, "0.0.0.0:"+port)
	served(t, addr)
	served(t, other)
}
