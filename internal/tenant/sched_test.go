package tenant

import (
	"context"
	"sync"
	"testing"
)

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
	if free, waiting := s.permits.State(); free != 1 || waiting != 0 {
		t.Errorf("%d free, %d waiting", free, waiting)
	}
}
