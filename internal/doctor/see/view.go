package see

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"

	"fishplate/internal/doctor/fact"
)

// Row is a row of the catalogue: its text, and the rule that looks and judges.
// Look runs at the same time as others; it does not change the view.
type Row struct {
	fact.Check
	Look func(v *View) fact.Finding
}

// View is all that a rule may look at.
type View struct {
	*System
	Env fact.Environment
	// Before is the same machine at an earlier time, with what was read then, or
	// nil: counters are judged by the difference then, and since boot without it.
	Before *System
	// Measured are the results of the active probes by name, in seconds unless the
	// name says otherwise; nil when nothing was measured.
	Measured map[string]float64
	// Ours are facts of our own configuration and process, nil when there is none.
	Ours *Ours
}

// Ours is what our own configuration wants of the machine.
type Ours struct {
	Listeners  []OurListener
	MaxConns   int  // of all listeners together, 0 without a limit
	FastOpen   bool // one listener wants it
	KeepAlive  bool // clients' connections are kept
	Upstreams  int  // servers behind us
	Reuse      bool // connections to them are kept
	SyncLog    bool // the access log is written in the request's path
	Privileged bool // one listener wants a port below 1024
	Shards     int  // sockets per listener

	CacheMemory  int64 // bytes that caches are to fill
	TenantMemory int64 // bytes that the tenants' storage may fill

	Running *Running // the process that serves, nil when only its configuration is known
}

// Since returns a copy that counts from an earlier answer of the same process on. A
// process that is another has counted since then anyhow.
func (o *Ours) Since(was *Ours) *Ours {
	if o == nil || was == nil || o.Running == nil || was.Running == nil || o.Running.PID != was.Running.PID {
		return o
	}
	n := *o
	n.Listeners = slices.Clone(o.Listeners)
	for i := range n.Listeners {
		l := &n.Listeners[i]
		at := slices.IndexFunc(was.Listeners, func(e OurListener) bool {
			return e.Queue != nil && e.Name == l.Name && e.Address == l.Address && e.Port == l.Port
		})
		if l.Queue == nil || at < 0 {
			continue
		}
		q, old := *l.Queue, was.Listeners[at].Queue
		for _, c := range []struct {
			now *int64
			old int64
		}{{&q.Accepted, old.Accepted}, {&q.Shed, old.Shed}, {&q.Refused, old.Refused}, {&q.Dropped, old.Dropped}} {
			// What is smaller than it was began again, and below 0 is not known.
			if c.old > 0 && *c.now >= c.old {
				*c.now -= c.old
			}
		}
		l.Queue = &q
	}
	return &n
}

// Running is the process that serves. What is counted is counted since the earlier
// look, or since the process began when there was none.
type Running struct {
	PID   int
	Files Limit   // of descriptors
	Open  int     // descriptors, 0 when that is not known
	CPU   float64 // seconds that it used
	Procs int     // processors that it uses at most
	Stall float64 // seconds that it stood still for, the longest time of them

	Overflow string   // what it found of queues that were full, at its own last look; "": nothing
	Mends    []string // commands that it proposed then
}

// OurListener is an address that we listen at.
type OurListener struct {
	Name    string // of the configuration
	Address string
	Port    int
	Backlog int // as it was asked for

	Queue *OurQueue // nil when nobody listens there, or the system does not tell
}

// At is the address as people write it.
func (l OurListener) At() string {
	if l.Port == 0 {
		return l.Address
	}
	return net.JoinHostPort(l.Address, strconv.Itoa(l.Port))
}

// Overlap says whether two addresses of sockets at one port exclude each other: equal
// ones do, :: does with all, and 0.0.0.0 with those of IPv4 and with ::.
func Overlap(a, b netip.Addr) bool {
	a, b = a.Unmap(), b.Unmap()
	all := func(one, other netip.Addr) bool {
		return one.IsUnspecified() && (one.Is6() || other.Is4() || other.IsUnspecified())
	}
	return a == b || all(a, b) || all(b, a)
}

// OurQueue is what waits before accept at an address, in all of its sockets. What
// is counted is counted as in Running.
type OurQueue struct {
	Shards   int   // sockets that share the address
	Len      int   // connections that wait
	Most     int   // the longest that a socket's queue was found to be, of those that had the address
	Full     bool  // one was found as long as its backlog, which may have been another
	Granted  int   // backlog of each socket
	Dropped  int64 // by the kernel; negative when it does not say so of a socket
	Accepted int64
	Shed     int64 // closed at once for want of descriptors
	Refused  int64 // closed at once by the listener's limits
}

// Lost returns a copy in which Dropped leaves out what the kernel counts at a
// socket and nobody lost: with a deferred accept, the last packet of each handshake.
// Those of a namespace are the most that one of its queues can have lost, and a
// queue that was never full has lost none.
func (q *OurQueue) Lost(namespace int64) *OurQueue {
	n := *q
	switch {
	case n.Dropped < 0:
	case !n.Full:
		n.Dropped = 0
	default:
		n.Dropped = min(n.Dropped, max(namespace, 0))
	}
	return &n
}

// Serving returns the process that serves, nil when there is none.
func (v *View) Serving() *Running {
	if v.Ours == nil {
		return nil
	}
	return v.Ours.Running
}

// Own is the folder in /proc of the process that is judged: the one that serves here,
// where it is known and another one, or ours.
func (v *View) Own() string {
	if us := v.Serving(); v.Live && us != nil && us.PID != os.Getpid() {
		return fmt.Sprintf("/proc/%d", us.PID)
	}
	return "/proc/self"
}

// Elapsed is the time between the two looks in seconds, 0 without an earlier one.
func (v *View) Elapsed() float64 {
	if v.Before == nil {
		return 0
	}
	return v.Taken.Sub(v.Before.Taken).Seconds()
}

// Span says what counters are counted over: "since boot" or "in 10 s".
func (v *View) Span() string {
	if v.Before == nil {
		return "since boot"
	}
	return fmt.Sprintf("in %.3g s", v.Elapsed())
}

// Unseen is the finding for something that could not be seen. It is never OK.
// What is denied root would see; what is absent or hidden in a guest or container
// may be seen on its host.
func (v *View) Unseen(err error) fact.Finding {
	f := fact.Say(fact.Unknown, err.Error())
	switch ClassOf(err) {
	case Denied:
		f.RunOn = "root"
	case Absent, Hidden:
		if v.Env.Contained() {
			f.RunOn = "initns"
		} else if v.Env.Guest() {
			f.RunOn = "host"
		}
	}
	return f
}
