package tally

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestLost: looks at the same time count what a socket has dropped once, and the
// older of two takes nothing back.
func TestLost(t *testing.T) {
	var tally Tally
	var first, second atomic.Int64
	var looks sync.WaitGroup
	for range 4 {
		looks.Go(func() {
			for n := range int64(1000) {
				tally.Lost(&first, n+1)
			}
		})
	}
	looks.Wait()
	tally.Lost(&second, 7)
	tally.Lost(&first, 900)
	tally.Lost(&second, -1) // not told
	if n := tally.Dropped.Load(); n != 1007 {
		t.Errorf("%d dropped, want 1007", n)
	}
}

// TestFound: a queue was full as long as it may have been then, not now.
func TestFound(t *testing.T) {
	for _, tt := range []struct {
		looks [][2]int64
		most  int64
		full  bool
	}{
		{nil, 0, false},
		{[][2]int64{{9, 16}, {3, 16}}, 9, false},
		{[][2]int64{{17, 16}, {3, 32}}, 17, true},
		{[][2]int64{{40, 64}, {3, 16}}, 40, false},
	} {
		var tally Tally
		for _, l := range tt.looks {
			tally.Found(l[0], l[1])
		}
		if tally.Most.Load() != tt.most || tally.Full.Load() != tt.full {
			t.Errorf("%v: at most %d, full %v", tt.looks, tally.Most.Load(), tally.Full.Load())
		}
	}
}

func TestBook(t *testing.T) {
	var book Book
	a := book.Of("a")
	if book.Of("a") != a || book.Of("b") == a {
		t.Error("a tally for each address is wanted")
	}
	var none *Book
	if one, other := none.Of("a"), none.Of("a"); one == other {
		t.Error("nobody keeps it, and two have it")
	}
}
