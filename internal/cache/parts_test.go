package cache

import "testing"

// TestWeldTakesWithoutWaiting: what did not find room, and only that, comes again.
func TestWeldTakesWithoutWaiting(t *testing.T) {
	for _, tt := range []struct {
		name         string
		weld         weld
		in           string
		room         int
		stored       string
		n            int
		whole, fails bool // the second: Append of the rest is the body's end
	}{
		{name: "all", weld: weld{most: 5}, in: "56789", room: 9, stored: "56789", n: 5, whole: true},
		{name: "a first piece", weld: weld{most: 5}, in: "567", room: 9, stored: "567", n: 3},
		{name: "overlap", weld: weld{skip: 2, most: 3}, in: "34567", room: 9, stored: "567", n: 5, whole: true},
		{name: "overlap only", weld: weld{skip: 4, most: 3}, in: "345", room: 9, n: 3},
		{name: "little room", weld: weld{skip: 2, most: 3}, in: "34567", room: 1, stored: "5", n: 3},
		{name: "no room", weld: weld{skip: 2, most: 3}, in: "34567", n: 2},
		{name: "longer than announced", weld: weld{most: 3}, in: "01234", room: 9, stored: "012", n: 3, whole: true, fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stored []byte
			room := tt.room
			add := func(p []byte) int {
				n := min(len(p), room)
				stored, room = append(stored, p[:n]...), room-n
				return n
			}
			w := tt.weld
			n := w.takeNow([]byte(tt.in), add)
			if n != tt.n || string(stored) != tt.stored {
				t.Fatalf("%d bytes taken, %q stored; want %d, %q", n, stored, tt.n, tt.stored)
			}
			if whole := w.finish(nil); whole != tt.whole {
				t.Errorf("whole is %v", whole)
			}
			if _, more := w.take([]byte(tt.in[n:])); more == tt.fails {
				t.Errorf("the rest may come: %v", more)
			}
		})
	}
}
