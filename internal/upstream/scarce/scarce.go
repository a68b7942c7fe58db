package scarce

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/netio"
)

// Line is where those wait who found no descriptor, in the order in which they came.
// The zero Line is empty and usable.
type Line struct {
	n  atomic.Int64
	mu sync.Mutex // a leaf
	in []chan struct{}
}

// Wait bounds a wait.
type Wait struct {
	Limit int           // who may wait at a time
	Time  time.Duration // 0: nobody waits
	Left  func() bool   // whether the client has gone; nil: it never goes
}

// lookEvery is how often somebody who waits tries by himself: descriptors come free
// of which nobody tells.
const lookEvery = 100 * time.Millisecond

// Again calls try after it failed with err because something was short: as long as room
// makes some, when that is descriptors, and then, within the bounds of w, whenever one may have come free. It
// returns the last error, and context.Canceled when the client left.
func (l *Line) Again(ctx context.Context, w Wait, room func() bool, try func() error, err error) error {
	again := func() {
		for netio.Exhausted(err) && room() {
			err = try()
		}
	}
	if again(); !netio.Short(err) || w.Time <= 0 {
		return err
	}
	place := l.join(w.Limit)
	if place == nil {
		return err
	}
	defer l.leave(place)
	over, look := time.NewTimer(w.Time), time.NewTicker(lookEvery)
	defer over.Stop()
	defer look.Stop()
	for netio.Short(err) {
		select {
		case <-place:
		case <-look.C:
			if w.Left != nil && w.Left() {
				return context.Canceled
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-over.C:
			return err
		}
		err = try()
		again()
	}
	return err
}

func (l *Line) join(limit int) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.in) >= limit {
		return nil
	}
	place := make(chan struct{}, 1)
	l.in = append(l.in, place)
	l.n.Add(1)
	return place
}

func (l *Line) leave(place chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.in = slices.DeleteFunc(l.in, func(c chan struct{}) bool { return c == place })
	l.n.Add(-1)
}

// Freed tells whoever waits longest that a descriptor may have come free.
func (l *Line) Freed() {
	if l.n.Load() == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, place := range l.in {
		select {
		case place <- struct{}{}:
			return
		default: // told before, and yet to try
		}
	}
}
