package share

import "testing"

// TestShares: whatever the limit is, all clients that are let in find a descriptor for
// a server each, beside the pipes, and none of them is among the last.
func TestShares(t *testing.T) {
	for _, limit := range []int64{64, 100, 128, 1024, 65536, 1 << 20, 1 << 30} {
		for _, others := range []int64{8, 20} {
			n, pipes := Clients(limit, others), Pipes(limit)
			if all := others + 2*n + 2*pipes; all > Roof(limit) || Roof(limit) > limit-min(32, limit/4) {
				t.Errorf("limit %d: %d others, %d clients, %d pipes take %d below %d", limit, others, n, pipes, all, Roof(limit))
			}
			if n < 10 || all(limit, others) < Roof(limit)-1 && pipes < mostPipes {
				t.Errorf("limit %d: only %d clients", limit, n)
			}
		}
	}
	if Clients(16, 30) != 1 {
		t.Error("nobody is let in where more is open than there should be")
	}
}

func all(limit, others int64) int64 { return others + 2*Clients(limit, others) + 2*Pipes(limit) }

// TestQuota lets clients in until the servers of all of them could find no
// descriptor, and again when some left, or the limit was raised.
func TestQuota(t *testing.T) {
	limit, open := int64(100), int64(0)
	q := Quota{Open: func() int64 { return open }}
	in := func(fd int64) bool { return q.admits(fd, func() int64 { return limit }) }
	for fd := int64(20); in(fd); fd++ {
		open++
	}
	if want := Clients(100, 20); open != want {
		t.Errorf("%d clients are let in, want %d", open, want)
	}
	open--
	if !in(30) || in(75) {
		t.Error("one left: another is let in, unless it is of the last descriptors")
	}
	open++
	if limit = 200; !in(60) {
		t.Error("the limit was raised")
	}
	open = 30
	if limit = 100; !in(60) {
		t.Error("the limit is looked at for each client")
	}
	if q.Forget(); in(60) {
		t.Error("the lower limit was not seen")
	}
}

// TestNoServers: where no client wants a server, all have their place below the last.
func TestNoServers(t *testing.T) {
	var q Quota
	for fd := range int64(100) {
		if q.admits(fd, func() int64 { return 100 }) != (fd < 75) {
			t.Fatalf("descriptor %d", fd)
		}
	}
}
