package idle

import (
	"slices"
	"testing"
	"time"
)

type conn struct {
	stay   Stay
	closed bool
}

func (c *conn) Stay() *Stay { return &c.stay }
func (c *conn) Close()      { c.closed = true }

func at(born, since time.Duration, print string) *conn {
	return &conn{stay: Stay{Born: int64(born), Since: int64(since), Print: print}}
}

func TestPool(t *testing.T) {
	var p Pool[*conn]
	if p.Take() != nil {
		t.Error("an empty pool gives one")
	}
	list := []*conn{at(0, 0, ""), at(0, 5*time.Second, ""), at(0, 6*time.Second, "other"), at(-time.Hour, 7*time.Second, ""), at(0, 8*time.Second, ""), at(0, 9*time.Second, "")}
	for i, c := range list {
		if !p.Put(c, len(list)) {
			t.Fatal(i)
		}
	}
	if p.Put(at(0, 0, ""), len(list)) {
		t.Error("more than fit")
	}
	p.Sweep(&Limits{Size: 4, Idle: 10 * time.Second, Age: time.Minute}, int64(10*time.Second))
	closed := func() (which []int) {
		for i, c := range list {
			if c.closed {
				which = append(which, i)
			}
		}
		return which
	}
	// The first two are more than four, or idle for too long; the third and the
	// fourth were made by other settings, or too long ago.
	if got := closed(); !slices.Equal(got, []int{0, 1, 2, 3}) {
		t.Errorf("swept %v", got)
	}
	if p.Take() != list[5] || p.Len() != 1 {
		t.Error("the one put last is not on top")
	}
	if p.Close(); !list[4].closed || p.Put(list[5], 10) || p.Len() != 0 {
		t.Error("a closed pool keeps some")
	}
	if p.Open(); !p.Put(list[5], 10) || p.Len() != 1 {
		t.Error("an open pool keeps none")
	}
}
