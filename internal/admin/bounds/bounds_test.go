package bounds

import (
	"net/netip"
	"testing"
	"time"
)

// guess tries that many wrong tokens, and returns how many were looked at.
func guess(f *Failures, client netip.Addr, now time.Time, times int) (looked int) {
	for range times {
		if f.May(client, now) {
			f.Failed(client, now)
			looked++
		}
	}
	return looked
}

func stranger(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// TestFailures: a few wrong tokens at once, and then a few in a minute.
func TestFailures(t *testing.T) {
	var f Failures
	now, one, other := time.Now(), stranger(1), stranger(2)
	if n := guess(&f, one, now, 100); n != burst {
		t.Errorf("%d were looked at at once", n)
	}
	if n := guess(&f, one, now.Add(time.Minute), 100); n != burst {
		t.Errorf("%d after a minute", n)
	}
	if n := guess(&f, one, now.Add(time.Minute+10*time.Second), 100); n != 2 {
		t.Errorf("%d in ten seconds", n)
	}
	if !f.May(other, now) {
		t.Error("another address pays for it")
	}
}

// TestManyStrangers: addresses beyond those that are told apart are bounded
// together, also when some of these were forgiven; and time makes room.
func TestManyStrangers(t *testing.T) {
	var f Failures
	now := time.Now()
	for i := range MaxStrangers {
		guess(&f, stranger(i), now, 1)
	}
	if n := guess(&f, stranger(MaxStrangers), now, 100); n != burst {
		t.Errorf("the first that is not told apart: %d", n)
	}
	if f.May(stranger(MaxStrangers+1), now) {
		t.Error("one more address gains")
	}
	for i := range 3 { // they come back when they are forgiven
		f.May(stranger(i), now.Add(time.Minute))
	}
	now = now.Add(time.Minute)
	for i := range 3 {
		if n := guess(&f, stranger(MaxStrangers+1+i), now, 1000); n != burst {
			t.Errorf("address %d after that: %d were looked at", i, n)
		}
	}
	if !f.May(stranger(7), now) || !f.May(stranger(MaxStrangers+9), now) {
		t.Error("who is not wrong pays for it")
	}
	if n := len(f.books); n > MaxStrangers {
		t.Errorf("%d addresses are remembered", n)
	}
}

// TestInFlight counts to a bound, and forgets who has none.
func TestInFlight(t *testing.T) {
	var c InFlight
	for i, want := range []bool{true, true, false} {
		if c.Begin("a", 2) != want {
			t.Errorf("call %d: not %v", i, want)
		}
	}
	if !c.Begin("b", 2) {
		t.Error("the bound is not each one's")
	}
	c.End("a")
	if n := c.UnderWay("a"); n != 1 || !c.Begin("a", 2) {
		t.Errorf("%d are under way", n)
	}
	c.End("a")
	c.End("a")
	c.End("b")
	if len(c.n) != 0 {
		t.Errorf("kept: %v", c.n)
	}
}
