package tape

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type stored struct {
	Addr uint64
	Data string
}

// recording makes one with three entries.
func recording(t testing.TB) []byte {
	var b bytes.Buffer
	w, err := Record(&b, []byte("head"))
	if err != nil {
		t.Fatal(err)
	}
	w.Stored(1, []byte("outside of an entry"))
	w.Begin(100)
	w.Stored(0x1000, []byte("first"))
	w.Stored(0x2000, nil)
	w.End(Entry{63, 5, 0}, 107)
	w.Begin(200)
	w.End(Entry{113, 0, 22}, 200)
	w.Begin(300)
	w.Stored(1<<40, []byte("far"))
	w.End(Entry{278, 1 << 63, 0}, 300)
	w.End(Entry{1, 1, 1}, 1)
	if w.Err() != nil || w.Playing() {
		t.Fatalf("error %v", w.Err())
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	r, err := Play(bytes.NewReader(recording(t)), []byte("head"))
	if err != nil || !r.Playing() {
		t.Fatal(err)
	}
	var got []stored
	store := func(addr uint64, b []byte) bool {
		got = append(got, stored{addr, string(b)})
		return true
	}
	for i, want := range []Entry{{63, 5, 0}, {113, 0, 22}, {278, 1 << 63, 0}} {
		e, charge, ok := r.Next(want.Number, store)
		if e != want || !ok || charge != []uint64{7, 0, 0}[i] {
			t.Errorf("entry %d: %+v, charge %d, %v", i, e, charge, r.Err())
		}
	}
	if d := cmp.Diff([]stored{{0x1000, "first"}, {0x2000, ""}, {1 << 40, "far"}}, got); d != "" {
		t.Error(d)
	}
	if _, _, ok := r.Next(1, store); ok || !errors.Is(r.Err(), errEnds) {
		t.Errorf("after the end: %v", r.Err())
	}
}

func TestErrors(t *testing.T) {
	yes := func(uint64, []byte) bool { return true }
	whole := recording(t)
	for n := range len(whole) {
		r, err := Play(bytes.NewReader(whole[:n]), []byte("head"))
		if err != nil {
			continue
		}
		for _, number := range []uint64{63, 113, 278} {
			r.Next(number, yes)
		}
		if !errors.Is(r.Err(), errEnds) {
			t.Errorf("cut at %d: %v", n, r.Err())
		}
	}
	for _, tt := range []struct {
		name, want string
		play       func() error
	}{
		{"other head", "other arguments", func() error { _, err := Play(bytes.NewReader(whole), []byte("hand")); return err }},
		{"no recording", "this is none", func() error {
			_, err := Play(strings.NewReader("\x7fELF and so on, long enough"), []byte("head"))
			return err
		}},
		{"other question", "the program does call 64, the recording has 63", func() error {
			r, _ := Play(bytes.NewReader(whole), []byte("head"))
			r.Next(64, yes)
			return r.Err()
		}},
		{"refused store", "address 0x1000", func() error {
			r, _ := Play(bytes.NewReader(whole), []byte("head"))
			r.Next(63, func(uint64, []byte) bool { return false })
			return r.Err()
		}},
	} {
		if err := tt.play(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// FuzzPlay reads anything as a recording: no panic, no great allocation.
func FuzzPlay(f *testing.F) {
	f.Add(recording(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Play(bytes.NewReader(b), []byte("head"))
		if err != nil {
			return
		}
		for n := 0; r.Err() == nil; n++ {
			r.Next([]uint64{63, 113, 278}[n%3], func(_ uint64, data []byte) bool { return len(data) <= maxStore })
			if n > len(b) {
				t.Fatal("it does not end")
			}
		}
	})
}
