package load

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// source is a part of the load that a look can be taken at.
type source interface {
	run()
	stop()
	look(into *histogram) recent
	count() int64
	waiting() int64
	result() *Tally
}

// Run makes transactions until the window is over, or the context. It returns
// what the window held; when the context ended, what there was of it, and the
// context's error.
func Run(ctx context.Context, p Plan, win Window) (*Tally, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("make load: %w", err)
	}
	times := &schedule{base: time.Now(), opens: int64(win.Warm), shuts: int64(win.Warm + win.Length)}
	parts, err := sources(&p, times)
	if err != nil {
		return nil, fmt.Errorf("make load: %w", err)
	}
	// A thread keeps its place in the runtime while it sleeps (see wait): the
	// others need as many as they had.
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + len(parts))
	defer func() { runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)-len(parts))) }()
	var all sync.WaitGroup
	for _, s := range parts {
		all.Go(s.run)
	}
	var cut atomic.Int64 // when the context ended
	over := context.AfterFunc(ctx, func() {
		cut.Store(max(times.now(), 1))
		for _, s := range parts {
			s.stop()
		}
	})
	defer over()
	ticks, begun := watchOver(ctx, parts, times, win)
	all.Wait()
	tally := newTally()
	tally.Window, tally.Ticks = win.Length, ticks
	if at := cut.Load(); at > 0 {
		tally.Window = max(0, min(win.Length, time.Duration(at-times.opens)))
	}
	tally.Watched = max(0, tally.Window-time.Duration(begun-times.opens))
	for _, s := range parts {
		tally.join(s.result())
	}
	return tally, ctx.Err()
}

// sources divides the connections among threads, or goroutines for TLS.
func sources(p *Plan, times *schedule) (parts []source, err error) {
	if p.TLS != nil {
		return []source{newSecure(p, times)}, nil
	}
	p.Threads = max(1, min(p.Threads, p.Connections))
	for i := range p.Threads {
		n := p.Connections / p.Threads
		if i < p.Connections%p.Threads {
			n++
		}
		w, err := newWorker(p, times, i, n)
		if err != nil {
			for _, before := range parts {
				_ = unix.Close(before.(*worker).poller) // it never ran
			}
			return nil, err
		}
		parts = append(parts, w)
	}
	return parts, nil
}

// watchOver looks at the parts at every tick until the window is over, and returns
// when it had begun to.
func watchOver(ctx context.Context, parts []source, times *schedule, win Window) (ticks []Tick, begun int64) {
	if win.Tick <= 0 {
		win.Tick = time.Second
	}
	sleep := func(until int64) bool {
		t := time.NewTimer(time.Duration(until - times.now()))
		defer t.Stop()
		select {
		case <-t.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
	h := newHistogram()
	if !sleep(times.opens) {
		return nil, times.shuts
	}
	for _, s := range parts { // what the warm-up did
		s.look(h)
	}
	if win.Begin != nil {
		win.Begin()
	}
	begun = times.now()
	last := begun
	for last < times.shuts {
		going := sleep(min(last+int64(win.Tick), times.shuts))
		now := times.now()
		if !going {
			break
		}
		ticks = append(ticks, tickOf(parts, h, now-times.opens, now-last))
		if win.OnTick != nil {
			win.OnTick(ticks[len(ticks)-1])
		}
		last = now
	}
	if win.End != nil {
		win.End()
	}
	return ticks, begun
}

func tickOf(parts []source, h *histogram, at, length int64) Tick {
	h.Reset()
	k := Tick{At: time.Duration(at)}
	done := int64(0)
	for _, s := range parts {
		r := s.look(h)
		done += r.done
		k.Errors += r.errors
		k.Connect += r.connects
		k.Flying += s.count()
		k.Behind += s.waiting()
	}
	if length > 0 {
		k.Rate = float64(done) / (float64(length) / 1e9)
	}
	k.P50 = time.Duration(h.ValueAtPercentile(50))
	k.P99 = time.Duration(h.ValueAtPercentile(99))
	return k
}

func (w *worker) stop()          { w.stopped.Store(true) }
func (w *worker) count() int64   { return w.flying.Load() }
func (w *worker) waiting() int64 { return w.behind.Load() }
func (w *worker) result() *Tally { return w.tally }
