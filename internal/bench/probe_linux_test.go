package bench

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestPingPongEnds: a side that ends early keeps the other from waiting for ever.
func TestPingPongEnds(t *testing.T) {
	for _, c := range []struct{ pings, pongs, want int }{{5, 5, 5}, {5, 2, 2}, {2, 5, 2}} {
		var there, back [2]int
		if err := unix.Pipe2(there[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		if err := unix.Pipe2(back[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			pong(there[0], back[1], c.pongs)
		}()
		if got := ping(there[1], back[0], c.pings); len(got) != c.want {
			t.Errorf("%d pings of %d and %d", len(got), c.pings, c.pongs)
		}
		<-done
	}
}
