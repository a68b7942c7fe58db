package disk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// begin makes an event count as purge does, and leaves the work for later.
func begin(d *Tier, by uint8, text string) *event {
	e := &event{by: by, all: true, part: hashName(All), text: []byte(text), now: time.Now().UnixNano()}
	d.index.Begin()
	defer d.index.End()
	e.seq = d.seq.Add(1)
	d.events.begin(e)
	return e
}

// finish does the work of an event.
func finish(t *testing.T, d *Tier, e *event) {
	t.Helper()
	if err := d.index.Safely(func() error { _, err := d.work(t.Context(), e); return err }); err != nil {
		t.Fatal(err)
	}
}

// purgeTag purges a tag, of which want objects are there.
func purgeTag(t *testing.T, d *Tier, tag string, want int) {
	t.Helper()
	if n, err := d.Purge(context.Background(), All, Tag([]byte(tag)), false); n != want || err != nil {
		t.Errorf("purged %d of %d, %v", n, want, err)
	}
}

// TestPurgeMeetsNewer writes an object while a purge of its tag is at work, as a
// start does that finishes the purges of the last process: the object stays, and
// the next purge of the tag finds it.
func TestPurgeMeetsNewer(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	d := openTier(t, o)
	defer closeTier(t, d)
	m.offer(t, d, "p", thing{key: "old", tags: []string{"t"}, data: []byte("old")})
	flush(t, d)
	e := begin(d, byTag, "t")
	m.offer(t, d, "p", thing{key: "new", tags: []string{"t"}, data: []byte("new")})
	flush(t, d)
	finish(t, d, e)
	wantBody(t, d, "p", "old", "", nil)
	wantBody(t, d, "p", "new", "", []byte("new"))
	purgeTag(t, d, "t", 1)
	wantBody(t, d, "p", "new", "", nil)
}

// TestPurgeMeetsDrop drops the segment of an object that was asked for, and lets
// a purge that has begun do its work before the object is written again: nothing
// else would find it later, so it gets no second life.
func TestPurgeMeetsDrop(t *testing.T) {
	for _, by := range []uint8{byKey, byTag} {
		t.Run(fmt.Sprint(by), func(t *testing.T) {
			m, o := newMemory(t), testOptions(t)
			d := openTier(t, o)
			for _, key := range []string{"gone", "kept"} {
				m.offer(t, d, "p", thing{key: key, tags: []string{key}, data: []byte(key)})
			}
			flush(t, d)
			closeTier(t, d)
			d = openTier(t, o)
			defer closeTier(t, d)
			<-d.loaded
			wantBody(t, d, "p", "gone", "", []byte("gone"))
			wantBody(t, d, "p", "kept", "", []byte("kept"))
			e := begin(d, by, "gone")
			// A second writer: the tier's own one only removes the file that this empties.
			w := newWriter(d, map[uint64]*chain{})
			if err := d.index.Safely(func() error { return w.clean(d.shelf.Find(1)) }); err != nil {
				t.Fatal(err)
			}
			finish(t, d, e)
			w.rewrite()
			w.end()
			wantBody(t, d, "p", "gone", "", nil)
			wantBody(t, d, "p", "kept", "", []byte("kept"))
		})
	}
}

// TestSegmentComesBack loses, as a loss of power may, the removal of a segment
// out of which an object was spared: when it is removed again, the object keeps
// the way from its tag.
func TestSegmentComesBack(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	o.Size = MinSize
	d := openTier(t, o)
	want := body("kept", 1, 5000)
	m.offer(t, d, "p", thing{key: "kept", tags: []string{"kept"}, data: want})
	flush(t, d)
	wantBody(t, d, "p", "kept", "", want)
	first := d.shelf.Find(1)
	raw, err := os.ReadFile(first.Path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; d.shelf.Find(1) != nil; i++ {
		fill(t, m, d, "p", i*100, 100, 10000)
	}
	flush(t, d)
	wantBody(t, d, "p", "kept", "", want)
	closeTier(t, d)
	if err := os.WriteFile(first.Path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	d = openTier(t, o)
	defer closeTier(t, d)
	<-d.loaded
	for d.shelf.Find(1) != nil {
		flush(t, d)
	}
	wantBody(t, d, "p", "kept", "", want)
	purgeTag(t, d, "kept", 1)
	wantBody(t, d, "p", "kept", "", nil)
}

// TestNumbersAfterKill copies a directory that is in use, as a kill leaves it:
// the next process begins above all numbers that this one may give out.
func TestNumbersAfterKill(t *testing.T) {
	o := testOptions(t)
	d := openTier(t, o)
	defer closeTier(t, d)
	<-d.loaded
	c := o
	c.Path = filepath.Join(t.TempDir(), "copy")
	copyDir(t, o.Path, c.Path)
	next := openTier(t, c)
	defer closeTier(t, next)
	if n := next.seq.Load(); n < seqStep {
		t.Errorf("begins with %d", n)
	}
}

// TestLiveWhilePurgeBegins looks an object up after a purge took its number and
// before it counts: the object is not live afterwards.
func TestLiveWhilePurgeBegins(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	d := openTier(t, o)
	defer closeTier(t, d)
	m.offer(t, d, "p", thing{key: "k", data: []byte("x")})
	flush(t, d)
	d.index.Begin()
	e := &event{by: byKey, all: true, text: []byte("k"), seq: d.seq.Add(1)}
	f, err := d.Get(context.Background(), "p", []byte("k"), nil)
	if f == nil || err != nil {
		t.Fatal(f, err)
	}
	defer f.Close()
	if d.events.begin(e); f.Live() {
		t.Error("live after the purge")
	}
	d.index.End()
	finish(t, d, e)
}

// TestPurgedInTheQueue purges a newer answer before it has an entry. It takes
// the older one with it, which it had replaced, and no other variant.
func TestPurgedInTheQueue(t *testing.T) {
	newer := thing{key: "k", vary: "gzip", tags: []string{"t"}, data: []byte("newer")}
	for name, purge := range map[string]func(*memory, *Tier) *event{
		"before it is written": func(m *memory, d *Tier) *event {
			o := m.object(t, newer) // the writer takes the pin
			p, _ := d.parts.make("p")
			seq := d.seq.Add(1)
			e := begin(d, byTag, "t")
			d.queued.Add(o.Available())
			d.queue <- job{part: p, object: o, seq: seq}
			return e
		},
		"before it is entered": func(m *memory, d *Tier) *event {
			e := &event{by: byTag, all: true, part: hashName(All), text: []byte("t"), now: time.Now().UnixNano()}
			d.index.Begin() // the writer waits for the turn
			defer d.index.End()
			m.offer(t, d, "p", newer)
			e.seq = d.seq.Add(1)
			d.events.begin(e)
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory(t)
			d := openTier(t, testOptions(t))
			defer closeTier(t, d)
			m.offer(t, d, "p", thing{key: "k", vary: "gzip", data: []byte("older")})
			m.offer(t, d, "p", thing{key: "k", vary: "br", data: []byte("other")})
			flush(t, d)
			e := purge(m, d)
			flush(t, d)
			finish(t, d, e)
			wantBody(t, d, "p", "k", "gzip", nil)
			wantBody(t, d, "p", "k", "br", []byte("other"))
			if n := d.Stats().Refused[RefusedPurged]; n != 1 {
				t.Errorf("%d counted as purged", n)
			}
		})
	}
}
