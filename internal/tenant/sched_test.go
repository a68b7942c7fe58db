package tenant

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"
)

func newAccount(share uint64) *account { return &account{share: share, index: -1} }

var farAway = time.Now().Add(time.Hour)

func TestPermitsServeByDeficit(t *testing.T) {
	p := newPermits(1)
	ctx := context.Background()
	a, b := newAccount(10), newAccount(30)
	p.acquire(ctx, a, 2, farAway) // the permit that everybody waits for
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
			p.acquire(ctx, acct, 0, farAway)
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			p.mu.Lock()
			p.charge(acct, 1) // what a slice costs
			p.mu.Unlock()
			p.release()
		}()
		for waiting(p) == before {
			runtime.Gosched()
		}
	}
	p.release()
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

func waiting(p *permits) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting
}

func TestPermitsAreBounded(t *testing.T) {
	const total = 3
	p := newPermits(total)
	accounts := []*account{newAccount(1), newAccount(10), newAccount(5)}
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
			if !p.acquire(ctx, a, 2, farAway) {
				return
			}
			for range 20 {
				step(1)
				step(-1)
				if !p.renew(ctx, a, farAway) {
					return
				}
			}
			p.release()
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
	p := newPermits(1)
	a := newAccount(1)
	p.acquire(context.Background(), a, 1, farAway)
	if p.acquire(context.Background(), a, 1, time.Now().Add(time.Millisecond)) {
		t.Error("got a permit that is taken")
	}
	p.release()
	if p.free != 1 || p.waiting != 0 {
		t.Errorf("%d free, %d waiting", p.free, p.waiting)
	}
}

// TestSpinnersHoldOnlyPermits runs a neighbour's short calls among spinners: it
// needs no permit, so it is served while every permit is taken and waited for.
func TestSpinnersHoldOnlyPermits(t *testing.T) {
	s := quietSet(1)
	defer s.Close()
	loop := guestModel("loop")
	loop.Concurrency = 16
	load(t, s, loop, guestModel("hello"))
	var wg sync.WaitGroup
	for range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r, f := s.Tenant("loop").Admit(context.Background())
			if f != nil {
				t.Error(f)
				return
			}
			defer r.Release()
			if _, f := r.OnRecv(context.Background(), request("/loop"), ""); f == nil || f.Cause != "guest-budget" {
				t.Errorf("spinner: %v", f)
			}
		}()
	}
	for range 100 {
		if _, f := recv(t, s.Tenant("hello"), request("/"), ""); f != nil {
			t.Fatal(f)
		}
	}
	wg.Wait()
	if p := s.permits; p.free != 1 || p.waiting != 0 {
		t.Errorf("%d free, %d waiting", p.free, p.waiting)
	}
}
