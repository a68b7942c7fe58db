package tenant

import (
	"context"
	"strings"
	"testing"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/tenant/permit"
)

// fair starts a program that spends the host's time by other means than
// instructions, within a large budget.
func fair(t *testing.T, change func(*model.Tenant)) *Tenant {
	return limited(t, func(m *model.Tenant) {
		m.Instructions, m.Memory, m.Time = 50_000_000, 64<<20, time.Minute
		if change != nil {
			change(m)
		}
	})
}

// spent is what one call of the request's side was charged, and in how many slices
// after the first it ran.
func spent(t *testing.T, tn *Tenant, path string) (instructions, slices int64, cause string) {
	t.Helper()
	c := tn.Counters()
	i, s := c.Value(metrics.TenantInstructions), c.Value(metrics.TenantSlices)
	if _, f := recv(t, tn, request(path), ""); f != nil {
		cause = f.Cause
	}
	return c.Value(metrics.TenantInstructions) - i, c.Value(metrics.TenantSlices) - s, cause
}

// TestPagesAreCharged: to write to a page that nobody had costs the host some
// thousand times what an instruction does. So it is charged, the same by both
// engines, and whoever does it often has to let others have their turn.
func TestPagesAreCharged(t *testing.T) {
	const pages = 4096 // 16 MiB
	var before int64
	for _, jit := range []string{"", "off"} {
		tn := fair(t, func(m *model.Tenant) { m.JIT = jit })
		for range 20 { // until it is translated
			spent(t, tn, "/touch")
		}
		n, slices, cause := spent(t, tn, "/touch")
		if cause != "" || n < pageCost*(pages-freePages) || n > 2*pageCost*pages {
			t.Errorf("jit %q: %d instructions for %d pages, %s", jit, n, pages, cause)
		}
		// Between two turns there are no more pages than leave was given for.
		if least := int64(pages-freePages) / (pagesAtOnce + permit.Slice/pageCost); slices < least {
			t.Errorf("jit %q: %d slices, want %d", jit, slices, least)
		}
		if before != 0 && n != before {
			t.Errorf("%d instructions, %d by the other engine", n, before)
		}
		before = n
	}
}

// TestPagesThatComeAndGoAreCharged is a loop of mmap, stores and munmap, which
// the host clears.
func TestPagesThatComeAndGoAreCharged(t *testing.T) {
	tn := fair(t, nil)
	n, slices, cause := spent(t, tn, "/waste") // 8 times 4 MiB
	if least := int64(clearCost * 8 * 1024); cause != "" || n < least || slices < least/(discarded/pageSize*clearCost+permit.Slice) {
		t.Errorf("%d instructions, %d slices, %s", n, slices, cause)
	}
}

// TestListsAreCharged: a list of keys costs by what is looked at, whether it is
// listed or not, and in slices.
func TestListsAreCharged(t *testing.T) {
	const keys = 20_000
	tn := fair(t, func(m *model.Tenant) { m.Storage = 16 << 20 })
	for i := range keys {
		key := append([]byte("k/"), strings.Repeat("x", i%5)...)
		if _, err := tn.current.Load().store.Set(append(key, byte('0'+i%10), byte('0'+i/10%10), byte('0'+i/100%10), byte('0'+i/1000%10), byte('0'+i/10000)), nil, 0, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for path, each := range map[string]int64{"/list_none": lookCost, "/list_all": lookCost + listCost} {
		n, slices, cause := spent(t, tn, path)
		if cause != "" || n < each*keys || slices < each*keys/(permit.Slice+listCost<<8) {
			t.Errorf("%s: %d instructions, %d slices, %s", path, n, slices, cause)
		}
	}
}

// TestNeighbourOfPages: calls that write to many pages hold only permits, all but
// their first slice: a neighbour's call is over while they wait, and waits for
// none of them. It counts turns, not time: were the pages free, all of the calls
// would be over, or begun and never asked for a permit.
func TestNeighbourOfPages(t *testing.T) {
	s := quietSet(1)
	defer s.Close()
	m := guestModel("limits")
	m.Instructions, m.Memory, m.Concurrency, m.Time = 50_000_000, 64<<20, 16, time.Minute
	load(t, s, m, guestModel("hello"))
	if !s.permits.Acquire(context.Background(), permit.NewAccount(1), time.Now().Add(time.Minute)) {
		t.Fatal("no permit")
	}
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			r, f := s.Tenant("limits").Admit(context.Background())
			if f != nil {
				t.Error(f)
				return
			}
			defer r.Release()
			if _, f := r.OnRecv(context.Background(), request("/touch"), ""); f != nil {
				t.Error(f)
			}
		}()
	}
	for { // until all of them wait for the permit that is ours
		if _, waiting := s.permits.State(); waiting == 8 {
			break
		}
		if _, f := recv(t, s.Tenant("hello"), request("/"), ""); f != nil {
			t.Fatal(f)
		}
	}
	if pages := s.Tenant("limits").Counters().Value(metrics.TenantDirty); pages != 0 {
		t.Errorf("%d pages were written by calls that are over", pages)
	}
	s.permits.Release()
	for range 8 {
		<-done
	}
}
