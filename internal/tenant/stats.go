package tenant

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/tenant/kv"
	"fishplate/internal/tenant/reel"
	"fishplate/internal/tenant/text"
)

const (
	ringLines   = 256  // lines of a tenant that are kept
	ringText    = 1024 // bytes kept of each
	linesPerSec = 100  // lines of a tenant each second, when its model has no bound

	maxFallbacks = 64 // expressions that are named
)

// Line is something that a program printed or logged.
type Line struct {
	Time  time.Time `json:"time"`
	Level string    `json:"level"` // debug, info, warn, error
	Text  string    `json:"text"`
}

// Counters of the ways to call a program beside on_recv, forge and on_deliver.
const (
	callHash = metrics.TenantCalls + 4 + iota
	callHit
	callMiss
	callFetch
	callResponse
	callError
	callSynth
	callFunction
	callStorage
)

// stats outlives the images of a tenant: its counters and its last lines.
type stats struct {
	name  string
	cells *metrics.Set
	log   *slog.Logger
	gone  chan struct{} // closed when the tenant is removed
	rate  rate          // of instructions

	mu     sync.Mutex
	ring   []Line
	next   int
	second int64
	lines  int
	lost   int     // lines of this second that were dropped
	most   float64 // lines per second; 0 is linesPerSec

	fallbacks []string // expressions that RE2 cannot read, and why
	custom    custom
	spans     custom

	tapes sync.Pool // of *tape
	kept  reel.Ring // recordings of calls
	eyes  atomic.Pointer[eyes]
	feeds map[chan Line]bool // who follows the lines
}

func newStats(name string, log *slog.Logger) *stats {
	return &stats{name: name, gone: make(chan struct{}), cells: metrics.NewSet(metrics.Tenant.Cells()), log: log}
}

func (s *stats) add(i int, n int64) { s.cells.Add(metrics.NewShard(), i, n) }

// set makes counter i, a gauge that one writer owns, n.
func (s *stats) set(i int, n int64) { s.add(i, n-s.cells.Value(i)) }

// stored shows what a storage counts itself. A Store that was emptied or made
// anew counts from 0 again, as do the numbers shown.
func (s *stats) stored(store *kv.Store) {
	var now kv.Stat
	if store != nil {
		now = store.Stat()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, n := range [...]int64{now.Used, now.Keys, now.Reads, now.Writes, now.Refused, now.Expired} {
		s.set(metrics.TenantStore+i, n)
	}
}

// stopped counts a fault by its cause.
func (s *stats) stopped(cause string) {
	switch cause {
	case "guest-budget":
		s.add(metrics.TenantStops, 1)
	case "guest-time":
		s.add(metrics.TenantStops+1, 1)
	case "guest-memory":
		s.add(metrics.TenantStops+2, 1)
	case cancelled: // is no doing of the program
	default:
		s.add(metrics.TenantStops+3, 1)
	}
}

// print keeps a line, and passes it to the operational log unless the tenant
// floods it.
func (s *stats) print(line []byte) { s.say(levelInfo, line) }

// The levels of call LOG_LEVEL.
const (
	levelDebug = iota
	levelInfo
	levelWarn
	levelError
)

var levels = [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}

var levelNames = [...]string{"debug", "info", "warn", "error"}

// say is print at a level. A line beyond the tenant's rate is dropped and
// counted, and one line of the next second tells how many were.
func (s *stats) say(level int, b []byte) bool {
	for len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	at := time.Now()
	s.add(metrics.TenantLogs, 1)
	s.mu.Lock()
	lost := 0
	if now := at.Unix(); now != s.second {
		s.second, s.lines, lost, s.lost = now, 0, s.lost, 0
	}
	most := s.most
	if most <= 0 {
		most = linesPerSec
	}
	s.lines++
	pass := float64(s.lines) <= max(most, 1)
	var line string
	if pass {
		line = string(b[:min(len(b), ringText)])
		if lost > 0 {
			s.keep(Line{Time: at, Level: levelNames[levelWarn], Text: summary(lost)})
		}
		s.keep(Line{Time: at, Level: levelNames[level], Text: line})
	} else {
		s.lost++
	}
	s.mu.Unlock()
	if !pass {
		s.add(metrics.TenantLogsDropped, 1)
		return false
	}
	if lost > 0 {
		s.log.LogAttrs(context.Background(), slog.LevelWarn, "guest", slog.String("tenant", s.name), slog.String("text", summary(lost)))
	}
	s.log.LogAttrs(context.Background(), levels[level], "guest", slog.String("tenant", s.name), slog.String("text", line))
	return true
}

func summary(lost int) string {
	return fmt.Sprintf("%d lines were dropped: the tenant wrote more than it may in a second", lost)
}

// keep puts a line into the ring. The caller holds the lock.
func (s *stats) keep(line Line) {
	if len(s.ring) < ringLines {
		s.ring = append(s.ring, line)
	} else {
		s.ring[s.next] = line
	}
	s.next = (s.next + 1) % ringLines
	for c := range s.feeds {
		select {
		case c <- line:
		default: // it does not keep up
		}
	}
}

// limit sets how many lines the tenant may write in a second, 0 for the default.
func (s *stats) limit(rate float64) {
	s.mu.Lock()
	s.most = rate
	s.mu.Unlock()
}

// fallback notes an expression that is matched by backtracking, once, and says
// so in the log.
func (s *stats) fallback(p *text.Pattern) {
	name := fmt.Sprintf("%.200q: %s", p.Text, p.Why())
	s.mu.Lock()
	fresh := len(s.fallbacks) < maxFallbacks && !slices.Contains(s.fallbacks, name)
	if fresh {
		s.fallbacks = append(s.fallbacks, name)
	}
	s.mu.Unlock()
	if fresh {
		s.log.LogAttrs(context.Background(), slog.LevelWarn, "guest", slog.String("tenant", s.name),
			slog.String("text", "a regular expression is matched by backtracking, whose steps are charged: "+name))
	}
}

// fellBack returns the expressions that fallback noted.
func (s *stats) fellBack() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.fallbacks)
}

// last returns the kept lines, oldest first.
func (s *stats) last() []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ring) < ringLines {
		return append([]Line(nil), s.ring...)
	}
	return append(append([]Line(nil), s.ring[s.next:]...), s.ring[:s.next]...)
}

// logf writes a line of the host's own about a guest.
func (v *vm) logf(format string, args ...any) {
	v.print(fmt.Appendf(nil, format, args...))
}
