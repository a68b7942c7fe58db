package binder

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fishplate/internal/model"
)

// helper runs one in this process, and returns the line to it. What serve returned
// comes on ended.
func helper(t *testing.T) (l *Line, ended chan error) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	l, ended = &Line{file: os.NewFile(uintptr(pair[0]), "line")}, make(chan error, 1)
	go func() {
		err := serve(pair[1])
		_ = unix.Close(pair[1])
		ended <- err
	}()
	t.Cleanup(func() { _ = l.file.Close() })
	return l, ended
}

// socket makes a socket for the length of the test.
func socket(t *testing.T, domain, kind int) int {
	t.Helper()
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// free is a port that nobody has but this test, at 127.0.0.1.
func free(t *testing.T) uint16 {
	t.Helper()
	fd := socket(t, unix.AF_INET, unix.SOCK_STREAM)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	return bound(t, fd).Port()
}

// bound is what a socket is bound to.
func bound(t *testing.T, fd int) netip.AddrPort {
	t.Helper()
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

func TestBind(t *testing.T) {
	l, ended := helper(t)
	taken := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), free(t)) // by the socket that found it
	for _, c := range []struct {
		name, address string
		domain, kind  int
		want          error
	}{
		{"IPv4", "127.0.0.2", unix.AF_INET, unix.SOCK_STREAM, nil},
		{"IPv6", "::1", unix.AF_INET6, unix.SOCK_STREAM, nil},
		{"IPv4 by an IPv6 socket", "::ffff:127.0.0.3", unix.AF_INET6, unix.SOCK_STREAM, nil},
		{"IPv6 by an IPv4 socket", "::1", unix.AF_INET, unix.SOCK_STREAM, unix.EAFNOSUPPORT},
		{"nobody's address", "192.0.2.1", unix.AF_INET, unix.SOCK_STREAM, unix.EADDRNOTAVAIL},
		{"a taken port", taken.Addr().String(), unix.AF_INET, unix.SOCK_STREAM, unix.EADDRINUSE},
		{"UDP", "127.0.0.4", unix.AF_INET, unix.SOCK_DGRAM, unix.EPROTONOSUPPORT},
		{"a local socket", "127.0.0.5", unix.AF_UNIX, unix.SOCK_STREAM, unix.EPROTONOSUPPORT},
	} {
		t.Run(c.name, func(t *testing.T) {
			fd, want := socket(t, c.domain, c.kind), netip.AddrPortFrom(netip.MustParseAddr(c.address), taken.Port())
			if err := l.Bind(fd, want); !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if got := bound(t, fd); c.want == nil && got != want {
				t.Errorf("bound to %v, want %v", got, want)
			}
		})
	}
	if err := l.Bind(socket(t, unix.AF_INET, unix.SOCK_STREAM), netip.MustParseAddrPort("127.0.0.1:0")); !errors.Is(err, unix.EBADMSG) {
		t.Errorf("port 0: %v", err)
	}
	if err := l.Bind(socket(t, unix.AF_INET6, unix.SOCK_STREAM), netip.MustParseAddrPort("[fe80::1%nowhere]:80")); err == nil {
		t.Error("a zone that is not there")
	}
	_ = l.file.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestHostile sends what a process that was taken over could send: nothing of it
// binds anything, keeps a descriptor, or ends the helper.
func TestHostile(t *testing.T) {
	l, ended := helper(t)
	line := int(l.file.Fd())
	address := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 1)
	good := appendRequest(nil, address, 0)
	pipe := [2]int{}
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	ours, theirs, err := answerPair()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ours)
	defer unix.Close(theirs)
	tcp, other := socket(t, unix.AF_INET, unix.SOCK_STREAM), socket(t, unix.AF_INET, unix.SOCK_STREAM)
	edited := func(at int, to byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = to
		return b
	}
	many := make([]int, 200)
	for i := range many {
		many[i] = tcp
	}
	before := open(t)
	for _, c := range []struct {
		name    string
		request []byte
		fds     []int
		want    unix.Errno // 0: no answer
	}{
		{"no descriptors", good, nil, 0},
		{"one descriptor", good, []int{tcp}, 0},
		{"three descriptors", good, []int{tcp, theirs, theirs}, 0},
		{"as many as the kernel takes", good, many, 0},
		{"an answer to what is no socket", good, []int{other, pipe[1]}, 0},
		{"too long", append(edited(0, form), 0), []int{tcp, theirs}, unix.EBADMSG},
		{"a path", []byte("/etc/shadow"), []int{tcp, theirs}, unix.EBADMSG},
		{"64 KiB", make([]byte, 64<<10), []int{tcp, theirs}, 0},
		{"another form", edited(0, form+1), []int{tcp, theirs}, unix.EBADMSG},
		{"what is not used", edited(1, 1), []int{tcp, theirs}, unix.EBADMSG},
		{"a pipe to bind", good, []int{pipe[0], theirs}, unix.ENOTSOCK},
		{"the line to bind", good, []int{line, theirs}, unix.EPROTONOSUPPORT},
	} {
		if err := unix.Sendmsg(line, c.request, rights(c.fds), nil, unix.MSG_NOSIGNAL); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if c.want == 0 {
			continue
		}
		if n, err := receiveAnswer(ours); err != nil || n != c.want {
			t.Errorf("%s: %v %v, want %v", c.name, n, err, c.want)
		}
	}
	if n := queued(ours); n != 0 {
		t.Errorf("%d answers too many", n)
	}
	fd := socket(t, unix.AF_INET, unix.SOCK_STREAM)
	if err := l.Bind(fd, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.9"), free(t))); err != nil {
		t.Error("afterwards:", err)
	}
	if got := bound(t, tcp); got.Port() != 0 {
		t.Errorf("bound to %v", got)
	}
	_ = l.file.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if after := open(t); after != before { // two sockets more, and two ends of the line less
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func rights(fds []int) []byte {
	if len(fds) == 0 {
		return nil
	}
	return unix.UnixRights(fds...)
}

// queued is how many answers wait.
func queued(fd int) (n int) {
	b := make([]byte, 16)
	for {
		if _, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT); err != nil {
			return n
		}
		n++
	}
}

// open counts the descriptors of the process.
func open(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestGone(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{file: os.NewFile(uintptr(pair[0]), "line")}
	defer l.file.Close()
	fd := socket(t, unix.AF_INET, unix.SOCK_STREAM)
	address := netip.MustParseAddrPort("127.0.0.1:80")
	go func() { // it ends with a request unanswered
		b := make([]byte, 64)
		_, _, _ = unix.Recvfrom(pair[1], b, unix.MSG_PEEK)
		_ = unix.Close(pair[1])
	}()
	for _, when := range []string{"while it is asked", "before"} {
		if err := l.Bind(fd, address); !errors.Is(err, errGone) {
			t.Errorf("%s: %v", when, err)
		}
	}
	var none *Line
	if err := none.Bind(fd, address); !errors.Is(err, unix.EACCES) {
		t.Error(err)
	}
	if files, env := none.Heir(4); files != nil || env != nil {
		t.Error(files, env)
	}
}

func TestInherit(t *testing.T) {
	if l, err := Inherit(); l != nil || err != nil {
		t.Fatal(l, err)
	}
	for _, text := range []string{"", "x", "1", "99999", "-4:7"} {
		t.Setenv(lineEnv, text)
		if _, err := Inherit(); err == nil {
			t.Errorf("%q is a line", text)
		}
		if _, there := os.LookupEnv(lineEnv); there {
			t.Errorf("%q is left for others", text)
		}
	}
	a, _ := helper(t)
	fd, err := unix.FcntlInt(a.file.Fd(), unix.F_DUPFD, 3)
	if err != nil {
		t.Fatal(err)
	}
	_, env := a.Heir(fd)
	name, value, _ := strings.Cut(env[0], "=")
	t.Setenv(name, value)
	b, err := Inherit()
	if err != nil {
		t.Fatal(err)
	}
	defer b.file.Close()
	if err := b.Bind(socket(t, unix.AF_INET, unix.SOCK_STREAM), netip.AddrPortFrom(netip.MustParseAddr("127.0.0.7"), free(t))); err != nil {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	for _, c := range []struct{ user, group, problem string }{
		{"root", "", ""},
		{"0", "0", ""},
		{"nobody-of-that-name", "", `look up user "nobody-of-that-name"`},
		{"root", "no-group-of-that-name", `look up group "no-group-of-that-name"`},
	} {
		a, err := find(c.user, c.group)
		switch {
		case c.problem == "" && (err != nil || a.uid != 0 || a.gid != 0):
			t.Error(c, a, err)
		case c.problem != "" && (err == nil || !strings.HasPrefix(err.Error(), c.problem)):
			t.Error(c, err)
		}
	}
	if err := Drop(&model.Config{}, nil); err != nil {
		t.Error(err)
	}
}

// TestEndow makes what is missing for a user, and takes nothing from anybody.
func TestEndow(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Mkdir(at("there"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", at("there/link.log")); err != nil {
		t.Fatal(err)
	}
	a := &account{name: "somebody", uid: 4242, gid: 4343}
	c := &model.Config{
		State: model.State{Dir: at("var/lib/state")}, Admin: model.Admin{Socket: at("run/admin.sock")},
		Logs:   []*model.Log{{Path: at("log/access.log")}, {Path: "stdout"}, {Path: at("there/link.log")}},
		Caches: []*model.Cache{{Disk: &model.CacheDisk{Path: at("there/cache")}}, {}},
	}
	for range 2 { // the second time all is there
		if err := a.endow(c); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]uint32{
		"var": 0, "var/lib": 0, "var/lib/state": 4242, "run": 4242, "log": 4242, "log/access.log": 4242, "there": 0, "there/link.log": 0,
	} {
		var st unix.Stat_t
		if err := unix.Stat(at(name), &st); err != nil || st.Uid != want {
			t.Errorf("%s is of user %d, want %d: %v", name, st.Uid, want, err)
		}
	}
	c.State.Dir = at("there")
	if err := a.endow(c); err == nil || !strings.Contains(err.Error(), "belongs to user 0: chown -R somebody "+at("there")) {
		t.Error(err)
	}
}

// FuzzRequest holds that what is understood is what was meant.
func FuzzRequest(f *testing.F) {
	f.Add(appendRequest(nil, netip.MustParseAddrPort("192.0.2.7:443"), 0))
	f.Add(appendRequest(nil, netip.MustParseAddrPort("[fe80::1]:80"), 3))
	f.Add(binary.BigEndian.AppendUint64(nil, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, zone, err := parseRequest(b)
		if err != nil {
			return
		}
		if again := appendRequest(nil, a, zone); string(again) != string(b) {
			t.Errorf("%x means %x", b, again)
		}
	})
}

// TestListen: what the process may bind needs nobody, and no line is no help.
func TestListen(t *testing.T) {
	l, _ := helper(t)
	for _, line := range []*Line{nil, l} {
		open, err := line.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := line.Listen(open.Addr().String()); !errors.Is(err, unix.EADDRINUSE) {
			t.Error("an address that is taken:", err)
		}
		_ = open.Close()
	}
}
