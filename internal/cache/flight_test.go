package cache

import (
	"bytes"
	"sync"
	"testing"

	"fishplate/internal/cache/store"
)

// TestBodiesThatOutgrowTheStore: every reader gets every byte, whatever the
// object's bound and the store's room are.
func TestBodiesThatOutgrowTheStore(t *testing.T) {
	s := openStore(t)
	p := s.memory.Partition("vhost/a")
	body := make([]byte, 9<<20) // the store has 4 MiB
	for i := range body {
		body[i] = byte(i * 7 / 3)
	}
	for _, tt := range []struct {
		name  string
		limit int64
	}{{"no room", 0}, {"bound", 100 << 10}, {"tiny bound", 1}} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := s.memory.Begin(p, store.KeyOf(p.ID(), []byte(tt.name)), &store.Meta{Status: 200, Total: -1}, &store.Parts{Key: []byte(tt.name)}, -1)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Unpin()
			f := &Flight{limit: tt.limit}
			f.carry(o)
			var readers [4]Reader
			var all sync.WaitGroup
			for i := range readers {
				r := &readers[i]
				f.read(r, o)
				all.Go(func() {
					defer r.close()
					var got []byte
					for at := int64(0); ; {
						piece := r.Next(at)
						if len(piece) == 0 {
							if more, whole := r.Await(at, nil); whole {
								break
							} else if !more {
								t.Errorf("reader %d: cut off at %d", i, at)
								return
							}
							continue
						}
						piece = piece[:min(len(piece), 1000<<i)]
						got = append(got, piece...)
						at += int64(len(piece))
						r.Took(at)
					}
					if !bytes.Equal(got, body) {
						t.Errorf("reader %d: %d bytes that are not it", i, len(got))
					}
				})
			}
			for rest := body; len(rest) > 0; rest = rest[min(len(rest), 10000):] {
				if !f.Append(o, rest[:min(len(rest), 10000)]) {
					t.Error("the writer gave up")
					break
				}
			}
			o.Finish()
			f.settle(landed)
			all.Wait()
		})
	}
}

// TestLastBytesWaitForTheEnd: nobody has the whole of a body before the flight is
// settled, and then everybody has.
func TestLastBytesWaitForTheEnd(t *testing.T) {
	s := openStore(t)
	p := s.memory.Partition("vhost/a")
	over := make(chan struct{})
	close(over)
	for _, tt := range []struct {
		name        string
		limit, size int64
		held        bool
	}{{"size", 0, 10, true}, {"no size", 0, 0, false}, {"not kept", 7, 10, true}} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := s.memory.Begin(p, store.KeyOf(p.ID(), []byte(tt.name)), &store.Meta{Status: 200, Total: 10}, &store.Parts{Key: []byte(tt.name)}, 10)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Unpin()
			f := &Flight{limit: tt.limit, size: tt.size}
			f.carry(o)
			var r Reader
			f.read(&r, o)
			defer r.close()
			read := func(at int64, want string) int64 {
				t.Helper()
				got := r.Next(at)
				if string(got) != want {
					t.Fatalf("%q from %d, want %q", got, at, want)
				}
				if more, _ := r.Await(at, over); more != (want != "") {
					t.Errorf("more from %d is %v", at, more)
				}
				r.Took(at + int64(len(got)))
				return at + int64(len(got))
			}
			f.Append(o, []byte("01234"))
			at := read(0, "01234")
			f.Append(o, []byte("56"))
			at = read(at, "56")
			f.Append(o, []byte("789"))
			if tt.held {
				read(at, "")
				o.Finish()
				f.settle(landed)
			}
			at = read(at, "789")
			read(at, "")
		})
	}
}
