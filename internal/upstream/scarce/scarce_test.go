package scarce

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestAgain: what becomes of a want, by who makes room and who waits how long.
func TestAgain(t *testing.T) {
	refused := errors.New("refused")
	cases := []struct {
		name   string
		w      Wait
		rooms  int   // that are made at once
		freed  int   // tries that fail before one does not
		end    error // of the last try
		want   error
		took   time.Duration
		tries  int
		cancel time.Duration
	}{
		{name: "room is made", rooms: 2, freed: 1, tries: 2},
		{name: "room, and another failure", rooms: 1, end: refused, want: refused, tries: 1},
		{name: "nobody waits", freed: 1, want: syscall.EMFILE},
		{name: "no place", w: Wait{Limit: 0, Time: time.Second}, freed: 1, want: syscall.EMFILE},
		{name: "free after a while", w: Wait{Limit: 1, Time: time.Second}, freed: 2, tries: 3, took: 3 * lookEvery},
		{name: "too long", w: Wait{Limit: 1, Time: 250 * time.Millisecond}, freed: 100, want: syscall.EMFILE, tries: 2, took: 250 * time.Millisecond},
		{name: "left", w: Wait{Limit: 1, Time: time.Second, Left: func() bool { return true }}, freed: 100, want: context.Canceled, took: lookEvery},
		{name: "cancelled", w: Wait{Limit: 1, Time: time.Second}, freed: 100, cancel: 50 * time.Millisecond, want: context.Canceled, took: 50 * time.Millisecond},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if c.cancel > 0 {
					time.AfterFunc(c.cancel, cancel)
				}
				var l Line
				tries, begin := 0, time.Now()
				room := func() bool { c.rooms--; return c.rooms >= 0 }
				err := l.Again(ctx, c.w, room, func() error {
					if tries++; tries <= c.freed {
						return syscall.EMFILE
					}
					return c.end
				}, syscall.EMFILE)
				if !errors.Is(err, c.want) || tries != c.tries || time.Since(begin) != c.took || len(l.in) != 0 || l.n.Load() != 0 {
					t.Errorf("%v after %d tries and %v; %d are left", err, tries, time.Since(begin), len(l.in))
				}
			})
		})
	}
}

// TestFreed: who waits longest is told first, each once.
func TestFreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Line
		var order []int
		for i := range 3 {
			go func() {
				_ = l.Again(t.Context(), Wait{Limit: 3, Time: time.Second}, func() bool { return false }, func() error { order = append(order, i); return nil }, syscall.EMFILE)
			}()
			synctest.Wait()
		}
		for range 4 {
			l.Freed()
			synctest.Wait()
		}
		if len(order) != 3 || order[0] != 0 || order[1] != 1 || order[2] != 2 {
			t.Errorf("they were told in the order %v", order)
		}
	})
}
