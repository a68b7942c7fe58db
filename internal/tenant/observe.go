package tenant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"fishplate/internal/tenant/reel"
	"fishplate/riscv/debug"
)

// Why there is nothing to show.
var (
	ErrNoRecord = errors.New("there is no recording of that request")
	ErrBusy     = errors.New("a profile is being made already")
)

// Recording is what a request did to a program, with all that a repetition
// needs; see Replay.
type Recording = reel.File

// RecordInfo is a recording in a list.
type RecordInfo struct {
	ID           string    `json:"id"`
	Time         time.Time `json:"time"`
	Target       string    `json:"target"`
	Cause        string    `json:"cause,omitempty"`
	Instructions uint64    `json:"instructions"`
	Bytes        int       `json:"bytes"`
	Program      string    `json:"program"` // the beginning of its hash
}

// Records lists what is kept of a tenant's calls, the newest first.
func (s *Set) Records(name string) ([]RecordInfo, error) {
	t := s.Tenant(name)
	if t == nil {
		return nil, ErrNoTenant
	}
	list := []RecordInfo{}
	for _, f := range t.stats.kept.List() {
		h := &f.Head
		list = append(list, RecordInfo{
			ID: h.ID, Time: h.Time, Target: h.Target, Cause: h.Cause, Instructions: h.Retired,
			Bytes: len(f.Events), Program: h.Hash[:min(16, len(h.Hash))],
		})
	}
	return list, nil
}

// Record returns the recording of a request as the bytes of a file, which
// ParseRecording reads.
func (s *Set) Record(name, id string) ([]byte, error) {
	t := s.Tenant(name)
	if t == nil {
		return nil, ErrNoTenant
	}
	f := t.stats.kept.Find(id)
	if f == nil {
		return nil, ErrNoRecord
	}
	return f.Append(nil)
}

// ParseRecording reads what Record returned. It lies in b.
func ParseRecording(b []byte) (*Recording, error) { return reel.Parse(b) }

// Profile counts the instructions of a tenant's calls for d, or until ctx ends,
// and writes the counts for pprof. One call at a time is counted, interpreted;
// those that come meanwhile run as ever. A program that replaces the present one
// is not counted.
func (s *Set) Profile(ctx context.Context, name string, d time.Duration, w io.Writer) error {
	t := s.Tenant(name)
	if t == nil {
		return ErrNoTenant
	}
	im := t.current.Load()
	if im == nil {
		return fmt.Errorf("profile guest %q: it has no program", name)
	}
	p := &profiling{code: im.code, counter: debug.NewCounter(im.program, im.code.lines(), t.model.Program)}
	busy := false
	t.stats.look(func(e *eyes) {
		if busy = e.profile != nil; !busy {
			e.profile = p
		}
	})
	if busy {
		return ErrBusy
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	t.stats.look(func(e *eyes) { e.profile = nil })
	p.mu.Lock() // the call that is being counted ends within its limits
	defer p.mu.Unlock()
	return p.counter.Recording().WritePprof(w)
}

// feedLines is how many lines wait for somebody who follows; more are lost to
// them.
const feedLines = 256

// FollowLogs calls write with the last n lines of a tenant's log that are kept,
// oldest first, and then, with follow, with each that comes, until ctx ends or
// write fails.
func (s *Set) FollowLogs(ctx context.Context, name string, follow bool, n int, write func(Line) error) error {
	t := s.Tenant(name)
	if t == nil {
		return ErrNoTenant
	}
	var feed chan Line
	if follow {
		feed = make(chan Line, feedLines)
		defer t.stats.join(feed)()
	}
	past := t.Logs()
	if ctx.Err() != nil {
		return nil // who may read those of the tenant that was may not read these
	}
	for _, l := range past[max(0, len(past)-n):] {
		if err := write(l); err != nil {
			return err
		}
	}
	for follow {
		select {
		case l := <-feed:
			if err := write(l); err != nil {
				return err
			}
		case <-t.stats.gone:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// join lets c have each line from now on, until leave is called.
func (s *stats) join(c chan Line) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feeds == nil {
		s.feeds = map[chan Line]bool{}
	}
	s.feeds[c] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.feeds, c)
	}
}
