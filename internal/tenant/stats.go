package tenant

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fishplate/internal/metrics"
)

const (
	ringLines   = 256  // lines of a tenant that are kept
	ringText    = 1024 // bytes kept of each
	linesPerSec = 100  // lines of a tenant that reach the operational log each second
)

// Line is something that a program printed or logged.
type Line struct {
	Time time.Time
	Text string
}

// stats outlives the images of a tenant: its counters and its last lines.
type stats struct {
	name  string
	cells *metrics.Set
	log   *slog.Logger

	mu     sync.Mutex
	ring   []Line
	next   int
	second int64
	lines  int
}

func newStats(name string, log *slog.Logger) *stats {
	return &stats{name: name, cells: metrics.NewSet(metrics.Tenant.Cells()), log: log}
}

func (s *stats) add(i int, n int64) { s.cells.Add(metrics.NewShard(), i, n) }

// set makes counter i, a gauge that one writer owns, n.
func (s *stats) set(i int, n int64) { s.add(i, n-s.cells.Value(i)) }

// stopped counts a fault by its cause.
func (s *stats) stopped(cause string) {
	switch cause {
	case "guest-budget":
		s.add(metrics.TenantStops, 1)
	case "guest-time":
		s.add(metrics.TenantStops+1, 1)
	case "guest-memory":
		s.add(metrics.TenantStops+2, 1)
	default:
		s.add(metrics.TenantStops+3, 1)
	}
}

// print keeps a line, and passes it to the operational log unless the tenant
// floods it.
func (s *stats) print(text []byte) {
	for len(text) > 0 && text[len(text)-1] == '\n' {
		text = text[:len(text)-1]
	}
	line := Line{Time: time.Now(), Text: string(text[:min(len(text), ringText)])}
	s.add(metrics.TenantLogs, 1)
	s.mu.Lock()
	if len(s.ring) < ringLines {
		s.ring = append(s.ring, line)
	} else {
		s.ring[s.next] = line
	}
	s.next = (s.next + 1) % ringLines
	if now := line.Time.Unix(); now != s.second {
		s.second, s.lines = now, 0
	}
	s.lines++
	pass := s.lines <= linesPerSec
	s.mu.Unlock()
	if pass {
		s.log.LogAttrs(context.Background(), slog.LevelInfo, "guest", slog.String("tenant", s.name), slog.String("text", line.Text))
	}
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
