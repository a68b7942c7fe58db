package doctor

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/measure"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/place"
	"fishplate/internal/doctor/report"
	"fishplate/internal/doctor/see"
)

// The words of a Light's answers, and of what it is told.
type (
	Result      = report.Result
	Running     = see.Running
	OurListener = see.OurListener
	OurQueue    = see.OurQueue
	Limit       = see.Limit
)

// The verdicts that a Light's owner tells apart.
const (
	OK      = fact.OK
	Unknown = fact.Unknown
)

// Statuses lists the verdicts, the worst first.
func Statuses() []Status { return fact.Statuses() }

// Watching returns the machine that we run on as a process that serves may look at
// it, for NewLight.
func Watching() *System { return see.Watching() }

// Overlap says whether two addresses of sockets at one port exclude each other.
func Overlap(a, b netip.Addr) bool { return see.Overlap(a, b) }

// WakeUp measures for a time what it takes to wake another processor and to be woken
// by it, for who wants to know just that.
func WakeUp(long time.Duration) (time.Duration, error) { return measure.WakeUp(long) }

// lightRows are the checks of a Light. What they read has a bound that does not
// grow with connections: a few lines for each processor.
func lightRows() []string {
	return []string{"cpu.steal", "cpu.quota", "cpu.clock-cost", "tcp.listen-overflow", "fw.conntrack-full", "sys.nofile"}
}

// Light looks again and again at what changes while a process serves, in the
// caller's goroutine, and judges counters by the difference to the look before. It
// is not for several goroutines.
type Light struct {
	rows []see.Row
	env  fact.Environment
	last *System // that the next look is compared with
	seen *System // the latest
}

// NewLight takes the first look, which the others are compared with.
func NewLight(s *System) (*Light, error) {
	rows, err := Select(lightRows(), nil)
	if err != nil {
		return nil, err
	}
	l := &Light{rows: rows, env: place.Of(s), last: s, seen: s}
	// What is judged is of no interest yet, what is read is remembered.
	_ = l.judge(l.rows, &see.View{System: s, Env: l.env})
	return l, nil
}

// Look judges the time since the last look. ours may be nil.
func (l *Light) Look(ours *Ours) []Result {
	results := l.judge(l.rows, l.view(ours))
	l.last = l.seen
	return results
}

// Overflow judges the queues before accept anew, since the last Look, which the next
// is compared with all the same.
func (l *Light) Overflow(ours *Ours) Result {
	i := slices.IndexFunc(l.rows, func(r see.Row) bool { return r.ID == "tcp.listen-overflow" })
	return l.judge(l.rows[i:i+1], l.view(ours))[0]
}

// view reads the machine again.
func (l *Light) view(ours *Ours) *see.View {
	l.seen = l.last.Renew(moves)
	return &see.View{System: l.seen, Env: l.env, Before: l.last, Ours: ours}
}

func (l *Light) judge(rows []see.Row, v *see.View) []Result {
	results := make([]Result, len(rows))
	for i, row := range rows {
		results[i] = Result{Check: row.Check, Finding: guarded(row, v)}
	}
	return results
}

// moves says whether a file changes while a process lives. What the machine is
// made of stays as it was at the first look.
func moves(file string) bool {
	for _, prefix := range []string{"/proc/stat", "/proc/net/", "/proc/sys/net/", "/proc/self/limits", "/sys/fs/cgroup/", "/sys/devices/system/clocksource/"} {
		if strings.HasPrefix(file, prefix) {
			return true
		}
	}
	return false
}

// Listening is what the network namespace has counted of all listeners in it until
// the latest look, 0 where it does not tell.
func (l *Light) Listening() (overflows, drops uint64) {
	c, _, err := gauge.Read(&see.View{System: l.seen}, "/proc/net/netstat", parse.NetCounters)
	if err != nil {
		return 0, 0
	}
	return c["TcpExt.ListenOverflows"], c["TcpExt.ListenDrops"]
}
