package netio

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"fishplate/internal/netio/spin"
	"fishplate/internal/netio/spread"
	"fishplate/internal/netio/turns"
)

// ErrClosed is returned by what was closed; it is net.ErrClosed.
var ErrClosed = net.ErrClosed

// ErrUnsupported marks what this operating system lacks.
var ErrUnsupported = errors.ErrUnsupported

// DialOptions tune Dial. The zero value means no limit but the context's.
type DialOptions struct {
	Timeout time.Duration // for the whole attempt, 0 = none
	Mark    uint32        // SO_MARK of the socket, 0 = none; Linux only
}

// ListenOptions tune Listen. The zero value is what a proxy wants.
type ListenOptions struct {
	Shards int // sockets that share the port by SO_REUSEPORT; below 2 = one socket without it
	// Shared binds the address, which the listeners share that this process gives up
	// (Listener.Share), and leaves its clients to them until Begin; nobody else can
	// listen there meanwhile. TCP only.
	Shared bool
	// Spread is how the kernel chooses among several shards; "" is spread.Hash.
	Spread spread.Rule
	Spin   spin.Rule // see Listener.Spin
	// Beside is a listener whose address, as it is really bound, this one is to have
	// too; nil is the address as it is written.
	Beside *Listener
	// Tallies has what was counted at the address before, and takes what is counted
	// from now on; nil is a tally of the listener's own.
	Tallies *Tallies
	Backlog int           // 0 = 65535; the kernel cuts it to net.core.somaxconn
	Defer   time.Duration // TCP_DEFER_ACCEPT, whole seconds; 0 = off (for servers that speak first)
	// FastOpen lets clients with a cookie send data in the SYN.
	FastOpen bool
	// KeepAlive is the idle time before the kernel probes a peer; 0 = 60 s,
	// negative = off. Accepted connections inherit it.
	KeepAlive time.Duration
	// Mode is the permission of a Unix socket's file; 0 leaves the umask's.
	Mode fs.FileMode
	// Binder binds a TCP address that the kernel refuses to this process for want of
	// privilege; nil is nobody. It must be comparable. Linux only.
	Binder Binder
}

// SpinRule is how long an empty queue is looked at before sleeping, and SpinAuto a
// time that is found out while the process runs.
type (
	SpinRule = spin.Rule
	SpinAuto = spin.Auto
)

// NewSpinAuto returns a time that find will find out.
func NewSpinAuto(find func() time.Duration) *SpinAuto { return spin.NewAuto(find) }

// Turns are waited for by who never runs out of work.
type Turns = turns.Turns

// NewTurns opens them.
func NewTurns() (*Turns, error) { return turns.New() }

// Spreads finds out by which rules this kernel chooses among shards.
type Spreads = spread.Kernel

// A Binder may bind addresses that this process may not.
type Binder interface {
	// Bind binds a TCP socket, which stays the caller's.
	Bind(fd int, address netip.AddrPort) error
}

const (
	defaultBacklog   = 65535
	defaultKeepAlive = time.Minute
)

// listenAddress is the parsed form of a listener's address.
type listenAddress struct {
	kind string // "tcp", "unix", "fd"
	text string // host:port, path or name
}

// parseListen splits "host:port", "unix:/path" and "fd:name".
func parseListen(address string) (listenAddress, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if path == "" {
			return listenAddress{}, fmt.Errorf("listen %q: the path is missing", address)
		}
		return listenAddress{"unix", path}, nil
	}
	if name, ok := strings.CutPrefix(address, "fd:"); ok {
		if name == "" {
			return listenAddress{}, fmt.Errorf("listen %q: the name is missing", address)
		}
		return listenAddress{"fd", name}, nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return listenAddress{}, fmt.Errorf("listen %q: want host:port, unix:/path or fd:name", address)
	}
	return listenAddress{"tcp", address}, nil
}

// firstInherited is the lowest descriptor that socket activation passes
// (sd_listen_fds(3)).
const firstInherited = 3

// inherited returns the descriptor that the service manager passed under that
// name. A number names the descriptor by its place, from 0, for managers that
// set no LISTEN_FDNAMES.
func inherited(name string, env func(string) string) (int, error) {
	if pid := env("LISTEN_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return -1, fmt.Errorf("listen \"fd:%s\": LISTEN_PID is %s, not this process", name, pid)
	}
	n, err := strconv.Atoi(env("LISTEN_FDS"))
	if err != nil || n <= 0 {
		return -1, fmt.Errorf("listen \"fd:%s\": no descriptors were passed (LISTEN_FDS)", name)
	}
	for i, known := range strings.Split(env("LISTEN_FDNAMES"), ":") {
		if known == name && i < n {
			return firstInherited + i, nil
		}
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < n {
		return firstInherited + i, nil
	}
	return -1, fmt.Errorf("listen \"fd:%s\": not among the %d descriptors passed (LISTEN_FDNAMES=%q)", name, n, env("LISTEN_FDNAMES"))
}

// A WriteError is an error of Splice that is the destination's; every other
// one is the source's.
type WriteError struct{ Err error }

// Error implements error.
func (e *WriteError) Error() string { return e.Err.Error() }

// Unwrap returns the destination's error.
func (e *WriteError) Unwrap() error { return e.Err }
