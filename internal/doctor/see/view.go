package see

import (
	"fmt"

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
}

// OurListener is an address that we listen at.
type OurListener struct {
	Address string
	Port    int
	Backlog int
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
