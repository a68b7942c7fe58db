package cache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/internal/cache/bans"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/records"
)

// memoryOf are caches with a store, and that.
func memoryOf(t testing.TB, memory int64) (*Caches, *Store) {
	t.Helper()
	c := New(Options{})
	t.Cleanup(c.Close)
	u, err := c.Prepare(&model.Config{Caches: []*model.Cache{{Name: "main", Memory: memory, MaxObject: memory / 4}}})
	if err != nil {
		t.Fatal(err)
	}
	u.Commit()
	return c, u.Store("main")
}

// keep stores an object.
func keep(t testing.TB, s *Store, partition, key, vary string, m store.Meta, head map[string]string, body []byte, tags ...string) {
	t.Helper()
	p := s.memory.Partition(partition)
	parts := &store.Parts{Key: []byte(key), Vary: []byte(vary), Head: &message.Header{}}
	for name, value := range head {
		parts.Head.Add(name, value)
	}
	for _, tag := range tags {
		parts.Tags = append(parts.Tags, []byte(tag))
	}
	o, err := s.memory.Begin(p, store.KeyOf(p.ID(), parts.Key), &m, parts, int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Unpin()
	if _, err := o.Append(body); err != nil {
		t.Fatal(err)
	}
	o.Finish()
	o.SetBan(s.bans.Newest())
	o.Publish()
}

// told describes what a store would serve, each object in a line.
func told(s *Store) map[string]string {
	names, all := map[uint32]string{}, map[string]string{}
	for _, p := range s.memory.Partitions() {
		names[p.ID()] = p.Name()
	}
	s.each(nil, func(o *store.Object) bool {
		if verdict, _ := s.bans.Test(s.view(o)); verdict == bans.Remove {
			return true
		}
		var body []byte
		for at := int64(0); at < o.Available(); {
			piece := o.Segment(at)
			body, at = append(body, piece...), at+int64(len(piece))
		}
		var tags []string
		for tag := range o.Tags() {
			tags = append(tags, string(tag))
		}
		if o.Key() != store.KeyOf(o.PartitionID(), o.KeyText()) {
			tags = append(tags, "the key is not that of the text")
		}
		all[names[o.PartitionID()]+" "+string(o.KeyText())+" "+string(o.Vary())] = fmt.Sprintf("%+v %q %q %x", o.Meta(), o.WireHead(), tags, body)
		return true
	})
	return all
}

// passedOn hands over from one to the other, as far as the objects.
func passedOn(t testing.TB, old, next *Caches, most int64) (*Relay, *Heir, error) {
	t.Helper()
	down, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, up, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, h := old.Relay(out, in, most), next.Inherit(down, up)
	t.Cleanup(func() { r.Close(); h.Close() })
	_, err = h.Objects(time.Now().Add(time.Minute))
	return r, h, err
}

// aged is a Meta of an object that came a while ago.
func aged(ago, fresh time.Duration) store.Meta {
	now := time.Now()
	return store.Meta{Status: 200, Born: now.Add(-ago).UnixNano(), Stored: now.Add(-ago / 2).UnixNano(), Fresh: int64(fresh), Grace: int64(time.Hour), Total: -1}
}

// TestMemoryIsHandedOver: every object comes as it was, with its age, its tags, its
// variants and its partition; what is banned or worthless stays behind.
func TestMemoryIsHandedOver(t *testing.T) {
	old, s := memoryOf(t, 64<<20)
	next, n := memoryOf(t, 64<<20)
	n.memory.Partition("vhost/other") // so that partitions have other numbers there
	big := make([]byte, 3<<20)
	for i := range big {
		big[i] = byte(rand.Uint32())
	}
	keep(t, s, "vhost/a", "http://a/big", "", aged(time.Minute, time.Hour), map[string]string{"Content-Type": "text/plain", "ETag": `"x"`}, big, "red", "blue")
	for _, vary := range []string{"", "gzip", "br"} {
		keep(t, s, "vhost/a", "http://a/v", vary, aged(time.Second, time.Hour), map[string]string{"Vary": "Accept-Encoding"}, []byte("body "+vary), "red")
	}
	keep(t, s, "vhost/b", "http://b/empty", "", aged(time.Second, time.Hour), nil, nil)
	for i := range 2000 {
		keep(t, s, "vhost/b", fmt.Sprint("http://b/", i), "", aged(time.Duration(i)*time.Second, time.Hour), nil, make([]byte, i), fmt.Sprint("n", i%10))
	}
	if !old.Values().Put("shop", []byte("k"), []byte("value"), time.Hour, 0, nil) {
		t.Fatal("no value")
	}
	want := told(s)
	keep(t, s, "vhost/a", "http://a/over", "", aged(3*time.Hour, time.Hour), nil, []byte("over"))
	keep(t, s, "vhost/a", "http://a/banned", "", aged(time.Second, time.Hour), nil, []byte("banned"), "bad")
	if _, err := old.Purge(t.Context(), Purge{Ban: `obj.tag("bad")`}); err != nil {
		t.Fatal(err)
	}
	r, h, err := passedOn(t, old, next, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	got := told(n)
	if len(got) != len(want) {
		t.Errorf("%d objects of %d", len(got), len(want))
	}
	for key, text := range want {
		if got[key] != text {
			t.Fatalf("%s: %.300s became %.300s", key, text, got[key])
		}
	}
	h.Follow()
	if handed, err := r.Line(time.Minute); err != nil || handed.Objects != len(want) || handed.Left != 0 {
		t.Errorf("%+v %v", handed, err)
	}
	h.Begin()
	if v, ok := next.Values().Get("shop", []byte("k"), nil); !ok || string(v) != "value" {
		t.Errorf("the tenant's value is %q, %v", v, ok)
	}
	old.Shed()
	if left := told(s); len(left) != 0 {
		t.Errorf("%d objects stay behind", len(left))
	}
}

// TestMemoryHasABound: no more goes over than was allowed, and what was used goes
// before what was not.
func TestMemoryHasABound(t *testing.T) {
	old, s := memoryOf(t, 64<<20)
	next, n := memoryOf(t, 64<<20)
	for i := range 100 {
		keep(t, s, "vhost/a", fmt.Sprint("http://a/", i), "", aged(time.Second, time.Hour), nil, make([]byte, 100<<10))
	}
	p := s.memory.Partition("vhost/a")
	for i := 0; i < 100; i += 10 {
		key := fmt.Append(nil, "http://a/", i)
		s.memory.Lookup(p, store.KeyOf(p.ID(), key), key, nil).Unpin()
	}
	const most = 4 << 20
	r, h, err := passedOn(t, old, next, most)
	if err != nil {
		t.Fatal(err)
	}
	h.Follow()
	handed, err := r.Line(time.Minute)
	if err != nil || handed.Bytes > most || handed.Left != 100-handed.Objects || handed.Objects < 30 {
		t.Errorf("%+v %v", handed, err)
	}
	got := told(n)
	for i := 0; i < 100; i += 10 {
		if got[fmt.Sprint("vhost/a http://a/", i, " ")] == "" {
			t.Errorf("object %d was used, and stays behind", i)
		}
	}
}

// TestNoPurgeIsLost: while objects go over, somebody purges in every way; what was
// purged before the purge returned is never in the next process from the moment at
// which that begins. Some purges end behind the line.
func TestNoPurgeIsLost(t *testing.T) {
	old, s := memoryOf(t, 128<<20)
	next, n := memoryOf(t, 128<<20)
	const objects = 6000
	for i := range objects {
		keep(t, s, "vhost/a", fmt.Sprintf("http://a/%05d/x", i), "", aged(time.Second, time.Hour), nil, make([]byte, 8<<10), fmt.Sprint("t", i))
	}
	keep(t, s, "vhost/a", "http://a/kept", "", aged(time.Second, time.Hour), nil, []byte("kept"))
	p := s.memory.Partition("vhost/a")
	drawn := make(chan struct{}) // the line
	var purged sync.Map
	var count, behind atomic.Int64
	var wg sync.WaitGroup
	for part := range 4 {
		wg.Go(func() {
			for i := part; i < objects; i += 4 {
				if i > objects/2 {
					<-drawn
				}
				key := fmt.Sprintf("http://a/%05d/x", i)
				k := strike{s: s, now: time.Now().UnixNano()}
				if i%40 < 4 { // a list holds a thousand
					if _, err := old.Purge(context.Background(), Purge{Ban: `obj.url == "` + key + `"`}); err != nil {
						t.Error(err)
					}
					purged.Store(key, true)
					continue
				}
				switch i / 4 % 4 {
				case 0:
					_, _ = k.tag(context.Background(), fmt.Append(nil, "t", i))
				case 1:
					_, _ = k.prefix(context.Background(), fmt.Appendf(nil, "http://a/%05d", i))
				case 2:
					k.only = p
					_, _ = k.url(context.Background(), []byte(key))
				case 3:
					k.only = p
					_, _ = k.key(context.Background(), []byte(key))
				}
				purged.Store(key, true)
				if count.Add(1); i > objects/2 {
					behind.Add(1)
				}
			}
		})
	}
	r, h, err := passedOn(t, old, next, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	h.Follow()
	if _, err := r.Line(time.Minute); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		done := map[string]bool{} // before the look
		purged.Range(func(key, _ any) bool { done[key.(string)] = true; return true })
		there := told(n)
		for key := range done {
			if there["vhost/a "+key+" "] != "" {
				t.Errorf("%s: %s was purged, and is there", when, key)
			}
		}
		if there["vhost/a http://a/kept "] == "" {
			t.Errorf("%s: what nobody purged is gone", when)
		}
	}
	check("at the line")
	close(drawn)
	if behind.Load() > 0 {
		t.Error("a purge behind the line ended before the next process had its disks")
	}
	h.Begin()
	r.Settle()
	for range 20 {
		check("behind the line")
	}
	wg.Wait()
	check("at the end")
	t.Logf("%d purges, %d behind the line", count.Load(), behind.Load())
}

// TestAbandonedHandOver: when the next process fails behind the line, what was
// struck meanwhile is struck here again, and nobody waits for it.
func TestAbandonedHandOver(t *testing.T) {
	old, s := memoryOf(t, 16<<20)
	next, _ := memoryOf(t, 16<<20)
	r, h, err := passedOn(t, old, next, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	h.Follow()
	if _, err := r.Line(time.Minute); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = old.Purge(context.Background(), Purge{Tags: []string{"red"}})
	}()
	for {
		r.mu.Lock()
		posted := len(r.after)
		r.mu.Unlock()
		if posted == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	keep(t, s, "vhost/a", "http://a/", "", aged(time.Second, time.Hour), nil, []byte("as if it came from the disk"), "red")
	h.Close()
	<-done
	r.Close()
	if there := told(s); len(there) != 0 {
		t.Error("what was purged is there:", there)
	}
	if old.relay.Load() != nil {
		t.Error("strikes go on being told")
	}
}

// TestStrikeAcrossAnAbandonedHandOver: what began while the disks were closed and
// ends after the hand-over was given up is struck once more.
func TestStrikeAcrossAnAbandonedHandOver(t *testing.T) {
	old, s := memoryOf(t, 16<<20)
	next, _ := memoryOf(t, 16<<20)
	r, h, err := passedOn(t, old, next, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	h.Follow()
	if _, err := r.Line(time.Minute); err != nil {
		t.Fatal(err)
	}
	k := strike{s: s, now: old.clock().UnixNano()}
	began := old.relay.Load()
	h.Close()
	r.Close()
	keep(t, s, "vhost/a", "http://a/", "", aged(time.Second, time.Hour), nil, []byte("as if it came from the disk"), "red")
	k.tell(began, strikeTag, []byte("red"))
	if there := told(s); len(there) != 0 {
		t.Error("what was purged is there:", there)
	}
}

// TestForeignObjects: a stream that is damaged, cut off, of another version, or of
// nonsense leaves nothing behind.
func TestForeignObjects(t *testing.T) {
	old, s := memoryOf(t, 16<<20)
	for i := range 20 {
		keep(t, s, "vhost/a", fmt.Sprint("http://a/", i), "", aged(time.Second, time.Hour), nil, make([]byte, 1000))
	}
	var b bytes.Buffer
	r := &Relay{c: old, w: records.NewWriter(&b, passKind, passVersion), most: 1 << 40}
	if err := r.objects(); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	try := func(text []byte) (int, error) {
		c, s := memoryOf(t, 16<<20)
		h := c.Inherit(fileOf(t, text), nil)
		_, err := h.Objects(time.Now().Add(time.Minute))
		h.Close()
		return len(told(s)), err
	}
	if n, err := try(whole); n != 20 || err != nil {
		t.Fatal(n, err)
	}
	for name, text := range map[string][]byte{
		"nothing":         nil,
		"cut off":         whole[:len(whole)/2],
		"without its end": whole[:len(whole)-20],
		"another version": bytes.Replace(whole, []byte(passKind+"\x00\x01"), []byte(passKind+"\x00\x02"), 1),
		"a changed byte":  append(append(bytes.Clone(whole[:5000]), whole[5000]^1), whole[5001:]...),
	} {
		if n, err := try(text); n != 0 || err == nil {
			t.Errorf("%s: %d objects were taken: %v", name, n, err)
		}
	}
	nonsense := func(list ...[]byte) []byte {
		var b bytes.Buffer
		w := records.NewWriter(&b, passKind, passVersion)
		for _, r := range list {
			_ = w.Put(r)
		}
		_ = w.Flush()
		return b.Bytes()
	}
	end := records.AppendInt(records.AppendInt(nil, passEnd), 1)
	for name, text := range map[string][]byte{
		"an unknown record":    nonsense(records.AppendInt(nil, 77)),
		"a body of nothing":    nonsense(records.AppendInt(nil, passBody)),
		"objects are missing":  nonsense(end),
		"an object of nothing": nonsense(records.AppendInt(nil, passObject), end),
	} {
		if n, err := try(text); n != 0 || err == nil {
			t.Errorf("%s: %d objects were taken: %v", name, n, err)
		}
	}
}

// fileOf is a pipe that holds the text, and ends.
func fileOf(t testing.TB, text []byte) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.Copy(w, bytes.NewReader(text))
		w.Close()
	}()
	return r
}

// FuzzPassed: whatever a record says, it is an object or it is none.
func FuzzPassed(f *testing.F) {
	_, s := memoryOf(f, 16<<20)
	keep(f, s, "vhost/a", "http://a/", "gzip", aged(time.Second, time.Hour), map[string]string{"ETag": `"x"`}, nil, "red")
	p := s.memory.Partition("vhost/a")
	o := s.memory.Lookup(p, store.KeyOf(p.ID(), []byte("http://a/")), []byte("http://a/"), nil)
	f.Add(s.appendObject(nil, "vhost/a", o))
	o.Unpin()
	f.Add((&blow{store: "main", partition: "vhost/a", kind: strikeBan, text: []byte(`obj.status == 200`)}).append(nil))
	f.Fuzz(func(t *testing.T, record []byte) {
		fields := records.FieldsOf(record)
		switch fields.Int() {
		case passObject:
			if p, err := passedOf(&fields); err == nil && p.size < 1<<20 {
				keepPassed(t, s, &p)
			}
		case passStrike:
			if b, err := blowOf(&fields); err == nil {
				_ = s.caches.land(&b)
			}
		}
	})
}

// keepPassed stores an object as an Heir does.
func keepPassed(t *testing.T, s *Store, p *passed) {
	var b bytes.Buffer
	w := records.NewWriter(&b, passKind, passVersion)
	for left := p.size; left > 0; left -= passPiece {
		_ = w.Put(append(records.AppendInt(nil, passBody), strings.Repeat("x", int(min(left, passPiece)))...))
	}
	_ = w.Flush()
	r, err := records.NewReader(&b, passKind, passVersion, passLongest)
	if err != nil {
		t.Fatal(err)
	}
	h := &Heir{c: s.caches, r: r}
	if err := h.object(p); err != nil {
		t.Errorf("%+v: %v", p, err)
	}
}
