package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/admin/bounds"
)

// doors are the sockets that a Server answers on. At most one of each kind is
// open; during a change of address both the old and the new one may be.
type doors struct {
	mu     sync.Mutex
	closed bool
	socket *door
	bind   *door
	given  map[string]*os.File // sockets of the process before, by address
}

// door is one open socket and the http.Server on it.
type door struct {
	address   string
	l         net.Listener
	server    *http.Server
	inside    http.Handler
	open      atomic.Int64  // connections
	conns     bounds.Conns  // those of them that anybody may make
	leaving   atomic.Bool   // the socket lives on in another process
	done      chan struct{} // closed when the server's goroutine has ended
	release   func()
	inherited bool // of the process before, which may go on
}

// Update is a change of addresses that is prepared: the new sockets are bound
// and do not answer yet. Exactly one of Commit and Abort is called.
type Update struct {
	s            *Server
	socket, bind *door // nil: none wanted
	fresh        []*door
}

// maxConns is how many connections the TCP address has at once: descriptors are for
// those whom listeners serve. The socket is the operator's alone.
const maxConns = 256

// Prepare binds what is not bound yet of the unix socket path and the TCP
// address; "" wants none.
func (s *Server) Prepare(socket, bind string) (*Update, error) {
	u := &Update{s: s}
	s.doors.mu.Lock()
	was := [2]*door{s.doors.socket, s.doors.bind}
	s.doors.mu.Unlock()
	var err error
	if u.socket, err = u.open(was[0], socket, listenUnix, s.socket, 0); errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("open admin socket: %w (name a folder that this user may write to: admin { socket = \"…\" }, or serve --socket)", err)
	} else if err != nil {
		return nil, fmt.Errorf("open admin socket: %w", err)
	}
	if u.bind, err = u.open(was[1], bind, s.listenTCP, s.tcp, maxConns); err != nil {
		u.Abort()
		return nil, fmt.Errorf("open admin http: %w", err)
	}
	return u, nil
}

func (u *Update) open(was *door, address string, listen func(string) (net.Listener, func(), error), h http.Handler, conns int) (*door, error) {
	if address == "" {
		return nil, nil
	}
	if was != nil && was.address == address {
		return was, nil
	}
	l, release, err := u.s.inherited(address)
	inherited := l != nil
	if l == nil && err == nil {
		l, release, err = listen(address)
	}
	if err != nil {
		return nil, err
	}
	d := &door{address: address, l: l, inside: h, done: make(chan struct{}), release: release, inherited: inherited, conns: bounds.Conns{Most: conns}}
	d.server = &http.Server{
		Handler:           http.HandlerFunc(d.answer),
		ConnState:         d.count,
		ConnContext:       rememberPeer,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(u.s.o.Logger.Handler(), slog.LevelWarn),
	}
	u.fresh = append(u.fresh, d)
	return d, nil
}

// Commit begins to answer on the new sockets and lets go of those that are no
// longer wanted: calls in flight on them finish.
func (u *Update) Commit() {
	ds := &u.s.doors
	ds.mu.Lock()
	old := [2]*door{ds.socket, ds.bind}
	ds.socket, ds.bind = u.socket, u.bind
	closed := ds.closed
	ds.mu.Unlock()
	for _, d := range u.fresh {
		if closed {
			d.abandon()
			continue
		}
		go func() {
			defer close(d.done)
			if err := d.server.Serve(d.l); !errors.Is(err, http.ErrServerClosed) && !d.leaving.Load() {
				u.s.o.Logger.Error("admin", "address", d.address, "error", err)
			}
		}()
	}
	for i, d := range old {
		if d != nil && d != [2]*door{u.socket, u.bind}[i] {
			go d.close(finishCalls)
		}
	}
}

// finishCalls is how long a call in flight may last on a door that is given up.
const finishCalls = 30 * time.Second

// Abort gives up the new sockets.
func (u *Update) Abort() {
	for _, d := range u.fresh {
		d.abandon()
	}
}

// abandon closes a door that never answered. A socket that is another process's
// too stays where it is: that one goes on.
func (d *door) abandon() {
	_ = d.l.Close() // it was never served: nothing is lost
	if !d.inherited {
		d.release()
	}
}

func (d *door) close(patience time.Duration) {
	d.release()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.server.Shutdown(ctx); err != nil {
		_ = d.server.Close() // out of patience
	}
	<-d.done
}

// Addresses returns where the Server answers now; "" is nowhere. A TCP address
// has its real port.
func (s *Server) Addresses() (socket, bind string) {
	s.doors.mu.Lock()
	defer s.doors.mu.Unlock()
	if d := s.doors.socket; d != nil {
		socket = d.address
	}
	if d := s.doors.bind; d != nil {
		bind = d.l.Addr().String()
	}
	return socket, bind
}

// Close ends the streams, lets other calls in flight finish for a moment, and
// closes all sockets.
func (s *Server) Close() {
	for _, d := range s.shutDoors() {
		d.close(2 * time.Second)
	}
}

// shutDoors ends the streams, and returns the doors that were open. No other opens.
func (s *Server) shutDoors() []*door {
	s.stop()
	s.doors.mu.Lock()
	defer s.doors.mu.Unlock()
	open := slices.DeleteFunc([]*door{s.doors.socket, s.doors.bind}, func(d *door) bool { return d == nil })
	s.doors.socket, s.doors.bind, s.doors.closed = nil, nil, true
	return open
}

func (s *Server) listenTCP(address string) (l net.Listener, release func(), err error) {
	if s.o.Listen != nil {
		l, err = s.o.Listen(address)
	} else {
		l, err = net.Listen("tcp", address)
	}
	return l, func() {}, err
}

// listenUnix binds a socket that only its owner may connect to. It is bound
// under another name, narrowed, and moved into place: there is no moment at
// which others could connect, and a stale socket is replaced, nothing else.
func listenUnix(path string) (net.Listener, func(), error) {
	if old, err := os.Lstat(path); err == nil && old.Mode()&os.ModeSocket == 0 {
		return nil, nil, fmt.Errorf("%s: something else than a socket is there, which is kept: remove it, or name another path", path)
	}
	if answers(path) {
		return nil, nil, fmt.Errorf("%s: another process answers there", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, nil, err
	}
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	_ = os.Remove(fresh) // left by a process of the same number that was killed
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, nil, err
	}
	l.SetUnlinkOnClose(false)
	err = os.Chmod(fresh, 0o600)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		_ = l.Close()
		_ = os.Remove(fresh)
		return nil, nil, err
	}
	mine, err := os.Lstat(path)
	if err != nil {
		_ = l.Close()
		return nil, nil, err
	}
	return l, func() { removeSame(path, mine) }, nil
}

// removeSame removes path if it is still the file that mine describes: a
// successor may have put its own socket there.
func removeSame(path string, mine os.FileInfo) {
	if now, err := os.Lstat(path); err == nil && os.SameFile(now, mine) {
		_ = os.Remove(path)
	}
}

func answers(path string) bool {
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
