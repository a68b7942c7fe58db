package pipes

import (
	"testing"

	"fishplate/internal/netio/share"

	"golang.org/x/sys/unix"
)

// TestBounded takes all pipes that there may be, gives them back, and has the kept
// ones closed.
func TestBounded(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = min(low.Cur, 2048)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) }()
	var taken []*Pipe
	for p := Take(); p != nil; p = Take() {
		taken = append(taken, p)
	}
	if want := share.Pipes(int64(low.Cur)); int64(len(taken)) != want {
		t.Errorf("%d pipes, want %d", len(taken), want)
	}
	for i, p := range taken {
		Give(p, i > 0)
	}
	if pool.open != kept || len(pool.idle) != kept {
		t.Errorf("%d pipes are open and %d idle, want %d", pool.open, len(pool.idle), kept)
	}
	if !Trim() || Trim() || pool.open != 0 {
		t.Errorf("%d pipes stay open", pool.open)
	}
}

// TestLastDescriptors: a pipe takes none of those that are kept for others.
func TestLastDescriptors(t *testing.T) {
	p := open(1 << 30)
	if p == nil {
		t.Fatal("no pipe")
	}
	top := int64(max(p.R, p.W))
	p.close()
	if p := open(top); p != nil {
		t.Errorf("a pipe with %d and %d, below %d", p.R, p.W, top)
	}
}
