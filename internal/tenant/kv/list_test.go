package kv

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// listed is all of a Listing.
func listed(s *Store, prefix string, now time.Time) (keys []string) {
	l := s.List(prefix, now)
	defer l.Stop()
	var b []byte
	for more := true; more; {
		b, _, _, more = l.Next(b)
	}
	for key := range bytes.Lines(b) {
		keys = append(keys, string(key[:len(key)-1]))
	}
	return keys
}

// A Listing of many keys is sorted and whole, works on few of them at a time, and
// holds no lock between: others write meanwhile.
func TestListingByParts(t *testing.T) {
	const n = 70_000
	s := New(64 << 20)
	for i := range n {
		if _, err := s.Set(fmt.Appendf(nil, "%c%05d", 'a'+byte(i%2), i), nil, 0, epoch); err != nil {
			t.Fatal(err)
		}
	}
	for prefix, want := range map[string]int{"a": n / 2, "": n, "c": 0} {
		l := s.List(prefix, epoch)
		var b []byte
		looked, found, parts := 0, 0, 0
		for more := true; more; parts++ {
			var some, few int
			b, some, few, more = l.Next(b)
			if looked, found = looked+some, found+few; some+few > listPart {
				t.Fatalf("%q: %d keys at once", prefix, some+few)
			}
			if _, err := s.Set([]byte("a00000"), []byte{byte(parts)}, 0, epoch); err != nil { // would wait for ever for a lock that is held
				t.Fatal(err)
			}
		}
		l.Stop()
		if looked != n || found != want || bytes.Count(b, []byte{'\n'}) != want || parts < n/listPart {
			t.Errorf("%q: looked at %d, listed %d in %d parts", prefix, looked, found, parts)
		}
		if keys := strings.Split(string(b), "\n"); !slices.IsSorted(keys[:want]) {
			t.Errorf("%q: not sorted", prefix)
		}
	}
	var before, after runtime.MemStats
	var b []byte
	length := 0
	runtime.ReadMemStats(&before)
	l := s.List("", epoch)
	for more := true; more; length += len(b) {
		b, _, _, more = l.Next(b[:0])
	}
	l.Stop()
	runtime.ReadMemStats(&after)
	// The keys' headers, twice as many as one run may leave unused, and the buffer.
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(2*16*n+1<<18); got > most || length != 7*n {
		t.Errorf("a list of %d bytes takes %d bytes, at most %d", length, got, most)
	}
	l = s.List("", epoch)
	l.Next(nil)
	l.Stop() // half-way
	if !s.Delete([]byte("a00000"), epoch) {
		t.Error("a Listing that was stopped changed something")
	}
}
