package netio

import (
	"os"
	"testing"
)

// TestOpenFrom: a number that nobody can have passed costs what is open, not what it says.
func TestOpenFrom(t *testing.T) {
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n := openFrom(int(f.Fd()), 1); n != 1 {
		t.Errorf("%d of one that is open", n)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	if n := openFrom(0, 1<<40); n > len(open) {
		t.Errorf("%d open of %d", n, len(open))
	}
	if n := openFrom(0, -1); n != 0 {
		t.Errorf("%d of fewer than none", n)
	}
}
