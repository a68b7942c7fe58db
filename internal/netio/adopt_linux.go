package netio

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Adopt makes a listener of copies of the sockets that Files returned in another
// process; the files stay the caller's. Options of sockets are as they were; Adjust
// gives others.
func Adopt(key string, files []*os.File, tallies *Tallies) (l *Listener, err error) {
	l = &Listener{key: key, closing: make(chan struct{}), reserve: -1, born: time.Now(), counters: tallies.Of(key)}
	defer func() {
		if err != nil {
			l.closeShards()
			l, err = nil, fmt.Errorf("take over %s: %w", key, err)
		}
	}()
	la, err := parseListen(key)
	if err != nil {
		return l, err
	}
	l.shared.Store(la.kind == "fd")
	if la.kind == "unix" {
		l.unlink = la.text
	}
	for _, f := range files {
		fd, err := dup(f)
		if err != nil {
			return l, err
		}
		if err := unix.SetNonblock(fd, true); err != nil {
			_ = unix.Close(fd)
			return l, os.NewSyscallError("fcntl", err)
		}
		if err := l.addShard(fd); err != nil {
			return l, err
		}
	}
	if len(l.shards) == 0 {
		return l, fmt.Errorf("no sockets were passed")
	}
	l.reserve = openReserve()
	return l, nil
}

// Leave stops accepting, and leaves the sockets with their queues and the path of
// a Unix socket to whoever has copies of them.
func (l *Listener) Leave() {
	l.unlink = ""
	l.Close()
}

// dup copies a file's descriptor. File.Fd would make it blocking, for everybody
// who has the socket.
func dup(f *os.File) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	var failed error
	err = raw.Control(func(from uintptr) { fd, failed = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, errors.Join(err, os.NewSyscallError("dup", failed))
}

// Passed returns copies of the sockets that the service manager passed, by name, or
// by place where another one before has the name, and keeps the originals from other programs that this process starts. Those that
// owned names are the caller's alone, and the originals are closed; the others can
// be opened as "fd:name" again and again.
func Passed(owned func(name string) bool) map[string]*os.File {
	passed := map[string]*os.File{}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if pid := os.Getenv("LISTEN_PID"); err != nil || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return passed
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i := range openFrom(firstInherited, n) {
		name := strconv.Itoa(i)
		if i < len(names) && names[i] != "" {
			name = names[i]
		}
		unix.CloseOnExec(firstInherited + i)
		if fd, err := unix.FcntlInt(uintptr(firstInherited+i), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			if owned(name) {
				_ = unix.Close(firstInherited + i)
			}
			if passed[name] != nil { // the sockets of one unit have one name
				name = strconv.Itoa(i)
			}
			passed[name] = os.NewFile(uintptr(fd), name)
		}
	}
	return passed
}

// openFrom counts the descriptors from the one called first that are open, without
// a gap and at most n. It is what a service manager can have passed, whatever
// number it told: copies that are made of them lie behind.
func openFrom(first, n int) (count int) {
	for count < n {
		if _, err := unix.FcntlInt(uintptr(first+count), unix.F_GETFD, 0); err != nil {
			return count
		}
		count++
	}
	return count
}
