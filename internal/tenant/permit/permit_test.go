package permit

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"
)

var farAway = time.Now().Add(time.Hour)

func TestPermitsServeByDeficit(t *testing.T) {
	p := New(1)
	ctx := context.Background()
	a, b := NewAccount(10), NewAccount(30)
	p.Acquire(ctx, a, farAway) // the permit that everybody waits for
	var mu sync.Mutex
	var order []byte
	var wg sync.WaitGroup
	for i := range 16 {
		acct, name := a, byte('a')
		if i%2 == 1 {
			acct, name = b, 'b'
		}
		wg.Add(1)
		before := waiting(p)
		go func() {
			defer wg.Done()
			p.Acquire(ctx, acct, farAway)
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			acct.Spend(Slice)
			p.Release()
		}()
		for waiting(p) == before {
			runtime.Gosched()
		}
	}
	p.Release()
	wg.Wait()
	bs := 0
	for _, c := range order[:8] {
		if c == 'b' {
			bs++
		}
	}
	if bs < 6 { // three times the share: three of four
		t.Errorf("order %s", order)
	}
	if p.free != 1 || p.waiting != 0 || len(p.queue) != 0 {
		t.Errorf("permits left: %+v", p)
	}
}

func waiting(p *Permits) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting
}

func TestPermitsAreBounded(t *testing.T) {
	const total = 3
	p := New(total)
	accounts := []*Account{NewAccount(1), NewAccount(10), NewAccount(5)}
	var mu sync.Mutex
	var wg sync.WaitGroup
	running, most := 0, 0
	step := func(n int) {
		mu.Lock()
		running += n
		most = max(most, running)
		mu.Unlock()
	}
	for i := range 60 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			a := accounts[i%len(accounts)]
			ctx, cancel := context.WithCancel(context.Background())
			if i%7 == 0 {
				cancel() // leaves the queue, or has the permit already
			}
			defer cancel()
			if !p.Acquire(ctx, a, farAway) {
				return
			}
			for range 20 {
				step(1)
				step(-1)
				a.Spend(Slice)
				if !p.Renew(ctx, a, farAway) {
					return
				}
			}
			p.Release()
		}()
	}
	wg.Wait()
	if most > total {
		t.Errorf("%d ran at once; there are %d permits", most, total)
	}
	if p.free != total || p.waiting != 0 || len(p.queue) != 0 {
		t.Errorf("after all: %d free, %d waiting, %d queued", p.free, p.waiting, len(p.queue))
	}
}

func TestPermitWaitEnds(t *testing.T) {
	p := New(1)
	a := NewAccount(1)
	p.Acquire(context.Background(), a, farAway)
	if p.Acquire(context.Background(), a, time.Now().Add(time.Millisecond)) {
		t.Error("got a permit that is taken")
	}
	p.Release()
	if p.free != 1 || p.waiting != 0 {
		t.Errorf("%d free, %d waiting", p.free, p.waiting)
	}
}

// What somebody spent while nobody wanted it is not held against them.
func TestPermitsForgetIdleTimes(t *testing.T) {
	p := New(1)
	ctx := context.Background()
	a, b := NewAccount(10), NewAccount(10)
	p.Acquire(ctx, a, farAway)
	for range 1000 {
		a.Spend(Slice)
		p.Renew(ctx, a, farAway)
	}
	done := make(chan int)
	turns := func(acct *Account) {
		n := 0
		for range 100 {
			acct.Spend(Slice)
			p.Renew(ctx, acct, farAway)
			n++
		}
		p.Release()
		done <- n
	}
	go func() {
		p.Acquire(ctx, b, farAway)
		turns(b)
	}()
	for waiting(p) == 0 {
		runtime.Gosched()
	}
	if gap := a.pass - b.pass; gap > Slice*1024 {
		t.Errorf("one is %d behind that did not want anything", gap)
	}
	go turns(a)
	<-done
	<-done
}

func TestEnterWaitsForThoseBehind(t *testing.T) {
	p := New(1)
	ctx := context.Background()
	spends, waits, holds := NewAccount(10), NewAccount(10), NewAccount(10)
	soon := func() time.Time { return time.Now().Add(time.Millisecond) }
	spends.Spend(100 * Slice)
	if !p.Enter(ctx, spends, soon()) {
		t.Fatal("waited while nobody does")
	}
	p.Acquire(ctx, holds, farAway)
	done := make(chan bool)
	go func() { done <- p.Acquire(ctx, waits, farAway) }()
	for waiting(p) == 0 {
		runtime.Gosched()
	}
	spends.Spend(100 * Slice)
	if p.Enter(ctx, spends, soon()) {
		t.Error("a tenant far ahead of one that waits began a call")
	}
	if !p.Enter(ctx, NewAccount(1), soon()) {
		t.Error("a tenant that ran nothing had to wait")
	}
	p.Release()
	<-done
	p.Release()
	if !p.Enter(ctx, spends, soon()) || p.free != 1 {
		t.Error("nobody waits any more")
	}
}
