package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/message"
)

func open(t testing.TB, memory int64) *Store {
	t.Helper()
	s, err := New(Options{Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.core.audit()
		s.Close()
	})
	return s
}

// put stores a complete object; name is its key text and begins its body.
func put(t testing.TB, s *Store, p *Partition, name, vary string, size int, tags ...string) *Object {
	t.Helper()
	o, err := s.Begin(p, KeyOf(p.ID(), []byte(name)), &Meta{Status: 200, Total: int64(size)}, partsOf(name, vary, tags...), int64(size))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := o.Append(bodyOf(name, size)); err != nil || n != size {
		t.Fatalf("append %d of %d: %v", n, size, err)
	}
	o.Finish()
	o.Publish()
	return o
}

func partsOf(name, vary string, tags ...string) *Parts {
	parts := &Parts{Key: []byte(name), Vary: []byte(vary)}
	for _, tag := range tags {
		parts.Tags = append(parts.Tags, []byte(tag))
	}
	return parts
}

// bodyOf returns a body that tells a wrong byte, and whose body it is.
func bodyOf(name string, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7) + name[i%len(name)]
	}
	return b
}

func lookup(s *Store, p *Partition, name string) *Object {
	return s.Lookup(p, KeyOf(p.ID(), []byte(name)), []byte(name), nil)
}

// read returns the body by segments.
func read(o *Object) (body []byte) {
	for at := int64(0); ; {
		piece := o.Segment(at)
		if piece == nil {
			return body
		}
		body = append(body, piece...)
		at += int64(len(piece))
	}
}

func TestRoundTrip(t *testing.T) {
	s := open(t, 1<<26)
	p := s.Partition("a")
	for _, size := range []int{0, 1, 100, 1000, 4096, 65472, 65473, 200_000, 5_000_000} {
		for _, known := range []bool{true, false} {
			name := fmt.Sprint("http://x/", size, known)
			expect := int64(size)
			if !known {
				expect = -1
			}
			var head message.Header
			head.Add("Content-Type", "text/plain")
			head.Add("X-Odd", "")
			parts := partsOf(name, "accept:x", "one", "two", "one")
			parts.Head = &head
			m := Meta{Status: 200, Encoding: 3, Flags: 9, Born: 1, Stored: 2, Fresh: 3, Grace: 4, Keep: 5, StaleIfError: 6, First: 7, Total: 8}
			o, err := s.Begin(p, KeyOf(p.ID(), []byte(name)), &m, parts, expect)
			if err != nil {
				t.Fatal(err)
			}
			for rest := bodyOf(name, size); len(rest) > 0; {
				n := min(len(rest), 777)
				if _, err := o.Append(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			o.Finish()
			if lookup(s, p, name) != nil {
				t.Fatal("found before it was published")
			}
			o.Publish()
			o.Unpin()
			o = lookup(s, p, name)
			if o == nil {
				t.Fatalf("%s is not found", name)
			}
			if !bytes.Equal(read(o), bodyOf(name, size)) || o.Available() != int64(size) || !o.Complete() {
				t.Errorf("%s: the body differs", name)
			}
			if diff := cmp.Diff(m, o.Meta()); diff != "" {
				t.Error(diff)
			}
			var got message.Header
			o.Head(&got)
			if got.Len() != 2 || got.ID(0) != message.ContentType || string(got.Value(0)) != "text/plain" || string(got.Name(1)) != "X-Odd" || len(got.Value(1)) != 0 {
				t.Errorf("head %q", o.WireHead())
			}
			var tags []string
			for tag := range o.Tags() {
				tags = append(tags, string(tag))
			}
			if diff := cmp.Diff([]string{"one", "two"}, tags); diff != "" {
				t.Error(diff)
			}
			if string(o.KeyText()) != name || string(o.Vary()) != "accept:x" || o.Hits() != 1 || o.PartitionID() != p.ID() {
				t.Errorf("key %q, vary %q, %d hits", o.KeyText(), o.Vary(), o.Hits())
			}
			o.Unpin()
		}
	}
}

// matchVary accepts one variant.
type matchVary string

func (m matchVary) Match(o *Object) bool { return string(o.Vary()) == string(m) }

func TestVariants(t *testing.T) {
	s := open(t, 1<<24)
	p := s.Partition("a")
	for i := range MaxVariants + 3 {
		put(t, s, p, "k", fmt.Sprint("v", i), 100).Unpin()
	}
	find := func(vary string) *Object {
		return s.Lookup(p, KeyOf(p.ID(), []byte("k")), []byte("k"), matchVary(vary))
	}
	for i := range MaxVariants + 3 {
		o := find(fmt.Sprint("v", i))
		if (o != nil) != (i >= 3) {
			t.Errorf("variant %d found: %v", i, o != nil)
		}
		if o != nil {
			o.Unpin()
		}
	}
	put(t, s, p, "k", "v7", 200).Unpin()
	o := find("v7")
	if o == nil || o.Available() != 200 {
		t.Error("the variant was not replaced")
	}
	o.Unpin()
	if st := p.Stats(); st.Objects != MaxVariants || st.Replaced != 4 {
		t.Errorf("%d objects, %d replaced", st.Objects, st.Replaced)
	}
	if n := s.PurgeKey(p, KeyOf(p.ID(), []byte("k")), []byte("k"), false, 0); n != MaxVariants {
		t.Errorf("%d variants purged", n)
	}
}

func TestPartitionsAreApart(t *testing.T) {
	s := open(t, 1<<24)
	a, b := s.Partition("a"), s.Partition("b")
	put(t, s, a, "k", "", 10, "t").Unpin()
	if s.Lookup(b, KeyOf(a.ID(), []byte("k")), []byte("k"), nil) != nil || lookup(s, b, "k") != nil {
		t.Error("one partition sees the other's object")
	}
	if n := s.PurgeTag(b, []byte("t"), false, 0); n != 0 {
		t.Errorf("purged %d of the other's", n)
	}
	if s.Partition("a") != a || len(s.Partitions()) != 2 {
		t.Error("a partition is made twice")
	}
	if n := s.PurgeTag(nil, []byte("t"), false, 0); n != 1 {
		t.Errorf("purged %d of all", n)
	}
}

func TestKeyTextIsCompared(t *testing.T) {
	s := open(t, 1<<24)
	p := s.Partition("a")
	o, err := s.Begin(p, Key{1, 2}, &Meta{}, partsOf("one", ""), 0)
	if err != nil {
		t.Fatal(err)
	}
	o.Publish()
	o.Unpin()
	if s.Lookup(p, Key{1, 2}, []byte("two"), nil) != nil {
		t.Error("a key of equal hash and another text is found")
	}
}

func TestRefreshSharesTheBody(t *testing.T) {
	s := open(t, 1<<24)
	p := s.Partition("a")
	old := put(t, s, p, "k", "v", 300_000)
	bodies := s.Stats().Bodies
	o, err := s.Refresh(old, &Meta{Status: 200, Fresh: 99}, partsOf("k", "v", "new"))
	if err != nil {
		t.Fatal(err)
	}
	o.Publish()
	if old.Published() || !o.Published() {
		t.Error("the old head is not replaced")
	}
	if st := s.Stats(); st.Bodies != bodies || st.Objects != 1 || st.Pinned != 1 {
		t.Errorf("%d bytes of bodies, were %d; %d objects, %d pinned", st.Bodies, bodies, st.Objects, st.Pinned)
	}
	old.Unpin()
	if !bytes.Equal(read(o), bodyOf("k", 300_000)) || !o.Complete() {
		t.Error("the body differs")
	}
	o.Remove()
	o.Unpin()
	if st := s.Stats(); st.Bodies != 0 || st.Heads != 0 || st.Pinned != 0 || st.Slack != 0 {
		t.Errorf("left over: %+v", st)
	}
}

func TestTooLarge(t *testing.T) {
	s, err := New(Options{Memory: 1 << 24, MaxObject: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := s.Partition("a")
	if _, err := s.Begin(p, Key{}, &Meta{}, partsOf("k", ""), 100_001); !errors.Is(err, ErrTooLarge) {
		t.Errorf("announced: %v", err)
	}
	if _, err := s.Begin(p, Key{}, &Meta{}, partsOf(string(make([]byte, 65536)), ""), 0); !errors.Is(err, ErrTooLarge) {
		t.Errorf("long key: %v", err)
	}
	o, err := s.Begin(p, Key{}, &Meta{}, partsOf("k", ""), -1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := o.Append(make([]byte, 200_000))
	if n != 100_000 || !errors.Is(err, ErrTooLarge) {
		t.Errorf("appended %d: %v", n, err)
	}
	// Trimmed behind its readers, a body of any length passes through.
	used := s.Stats().Bodies
	for total := int64(n); total < 3_000_000; total = o.Available() {
		o.Trim(total)
		if n, err := o.Append(make([]byte, 50_000)); n == 0 {
			t.Fatalf("at %d: %v", total, err)
		}
	}
	if now := s.Stats().Bodies; now > 3*used {
		t.Errorf("a trimmed body holds %d bytes, was %d", now, used)
	}
	o.Abort()
	if !o.Failed() || o.Complete() {
		t.Error("not failed")
	}
	o.Unpin()
}

func TestFullOfPinned(t *testing.T) {
	s := open(t, 4<<20)
	p := s.Partition("a")
	var held []*Object
	for i := 0; ; i++ {
		name := fmt.Sprint(i)
		o, err := s.Begin(p, KeyOf(p.ID(), []byte(name)), &Meta{}, partsOf(name, ""), 10_000)
		if err == nil {
			_, err = o.Append(bodyOf(name, 10_000))
			held = append(held, o)
		}
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		o.Publish()
	}
	if len(held) < 350 {
		t.Errorf("full with %d objects", len(held))
	}
	for _, o := range held[:len(held)-1] {
		name := string(o.KeyText())
		if !o.Published() || !bytes.Equal(read(o), bodyOf(name, 10_000)) {
			t.Fatalf("pinned object %s was touched", name)
		}
	}
	for _, o := range held {
		o.Unpin()
	}
	put(t, s, p, "after", "", 10_000).Unpin()
	if st := s.Stats(); st.Refused != 1 || st.Evicted == 0 || st.Used > st.Memory {
		t.Errorf("%d refused, %d evicted, %d used", st.Refused, st.Evicted, st.Used)
	}
}

// TestQuota fills a partition over its quota beside one that nobody disturbs.
func TestQuota(t *testing.T) {
	s := open(t, 16<<20)
	a, b := s.Partition("a"), s.Partition("b")
	for i := range 100 {
		put(t, s, b, fmt.Sprint(i), "", 1000).Unpin()
	}
	a.SetQuota(1 << 20)
	for i := range 5000 {
		put(t, s, a, fmt.Sprint(i), "", 1000).Unpin()
	}
	if st := a.Stats(); st.Bytes > 1<<20 || st.Bytes < 900_000 || st.EvictedBy[0] == 0 || st.EvictedBy[1] != 0 {
		t.Errorf("a has %d bytes, evicted %v", st.Bytes, st.EvictedBy)
	}
	if st := b.Stats(); st.Objects != 100 || st.Evicted != 0 {
		t.Errorf("b has %d objects", st.Objects)
	}
}

// TestFairness lets one partition flood the store: what another one has and uses
// stays, as long as it is less.
func TestFairness(t *testing.T) {
	s := open(t, 6<<20)
	small, flood := s.Partition("small"), s.Partition("flood")
	for i := range 1000 {
		put(t, s, small, fmt.Sprint(i), "", 1000).Unpin()
	}
	for i := range 15_000 {
		put(t, s, flood, fmt.Sprint(i), "", 1000).Unpin()
		if o := lookup(s, small, fmt.Sprint(i%1000)); o != nil {
			o.Unpin()
		}
	}
	// Emptying slabs takes some of everybody's.
	if st := small.Stats(); st.Objects < 900 {
		t.Errorf("the small partition has %d objects left", st.Objects)
	}
	// Unused, it gives way.
	for i := range 30_000 {
		put(t, s, flood, fmt.Sprint("x", i), "", 1000).Unpin()
		if o := lookup(s, flood, fmt.Sprint("x", i)); o != nil {
			o.Unpin()
		}
	}
	if st := small.Stats(); st.Bytes > flood.Stats().Bytes/4 {
		t.Errorf("the idle partition keeps %d bytes beside %d", st.Bytes, flood.Stats().Bytes)
	}
}

func TestResize(t *testing.T) {
	s := open(t, 16<<20)
	p := s.Partition("a")
	for i := range 20_000 / raced {
		put(t, s, p, fmt.Sprint(i), "", 1000, "tag", fmt.Sprint("t", i)).Unpin()
	}
	for _, memory := range []int64{8 << 20, 24 << 20, 4 << 20} {
		if err := s.Resize(memory); err != nil {
			t.Fatal(err)
		}
		for i := range 20_000 / raced {
			put(t, s, p, fmt.Sprint("y", i), "", 1000, "tag", fmt.Sprint("t", i)).Unpin()
		}
		if st := s.Stats(); st.Used > memory || raced == 1 && st.Used < memory*9/10 || st.Index+st.Heads+st.Bodies+st.Free != st.Used {
			t.Errorf("%d used of %d: %+v", st.Used, memory, st)
		}
		s.core.audit()
	}
	if err := s.Resize(1 << 50); err == nil {
		t.Error("resized beyond the addresses")
	}
}

func TestPurgeTag(t *testing.T) {
	s := open(t, 1<<26)
	p := s.Partition("a")
	var list []*Object
	for i := range 2000 {
		tags := []string{"all", fmt.Sprint("mod", i%7), fmt.Sprint("own", i)}
		o := put(t, s, p, fmt.Sprint(i), "", 10, tags...)
		o.SetFresh(1 << 40)
		list = append(list, o)
	}
	const now = 5000
	if n := s.PurgeTag(p, []byte("mod3"), true, now); n != 286 {
		t.Errorf("soft: %d", n)
	}
	if n := s.PurgeTag(p, []byte("all"), true, now); n != 2000 {
		t.Errorf("soft, all: %d", n)
	}
	for i, o := range list {
		if o.Meta().Fresh != now || !o.Published() {
			t.Fatalf("object %d is fresh for %d", i, o.Meta().Fresh)
		}
	}
	if n := s.PurgeTag(p, []byte("own17"), false, now); n != 1 || list[17].Published() {
		t.Errorf("one: %d", n)
	}
	if n := s.PurgeTag(p, []byte("mod3"), false, now); n != 285 {
		t.Errorf("hard: %d", n)
	}
	if n := s.PurgeTag(p, []byte("absent"), false, now); n != 0 {
		t.Errorf("absent: %d", n)
	}
	for i, o := range list {
		if want := i%7 != 3; o.Published() != want {
			t.Errorf("object %d published: %v", i, !want)
		}
		if string(o.KeyText()) != fmt.Sprint(i) {
			t.Errorf("object %d: text %q", i, o.KeyText())
		}
		o.Unpin()
	}
	if n := s.PurgeTag(nil, []byte("all"), false, now); n != 1714 {
		t.Errorf("rest: %d", n)
	}
	for s.Reap(100) {
	}
	if c := s.core; c.tags.count.Load() != 0 || c.index.count.Load() != 0 {
		t.Errorf("%d tags and %d entries left", c.tags.count.Load(), c.index.count.Load())
	}
}

func TestEach(t *testing.T) {
	s := open(t, 1<<24)
	a, b := s.Partition("a"), s.Partition("b")
	for i := range 1000 {
		put(t, s, a, fmt.Sprint(i), "", 10).Unpin()
		put(t, s, b, fmt.Sprint(i), "", 10).Unpin()
	}
	seen := map[string]int{}
	var cur Cursor
	for s.Each(a, &cur, 17, func(o *Object) bool {
		seen[string(o.KeyText())]++
		return true
	}) {
	}
	if len(seen) != 1000 {
		t.Errorf("saw %d", len(seen))
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("saw %s %d times", name, n)
		}
	}
	cur = Cursor{}
	n := 0
	if s.Each(nil, &cur, 1000, func(*Object) bool { n++; return n < 3 }) || n != 3 {
		t.Errorf("stopped after %d", n)
	}
}

func TestStats(t *testing.T) {
	s := open(t, 1<<26)
	p := s.Partition("a")
	for i := range 20_000 {
		put(t, s, p, fmt.Sprint(i), "", 300*(1+i%2)).Unpin()
	}
	st := s.Stats()
	if st.Objects != 20_000 || st.Stored != 20_000 || st.Index+st.Heads+st.Bodies+st.Free != st.Used {
		t.Errorf("%+v", st)
	}
	var sum int64
	for _, n := range st.Sizes {
		sum += n
	}
	if sum < 19_990 || sum > 20_000 || st.Sizes[2] < 15_000 {
		t.Errorf("sizes %v", st.Sizes)
	}
}

func TestBanStampOnlyRises(t *testing.T) {
	s := open(t, 1<<24)
	o := put(t, s, s.Partition("a"), "k", "", 1)
	for _, n := range []uint32{5, 3, 9} {
		o.SetBan(n)
	}
	if o.Ban() != 9 {
		t.Errorf("stamp %d", o.Ban())
	}
	o.Unpin()
}

// TestManyPartitions floods a store of thousands of partitions from one of them.
func TestManyPartitions(t *testing.T) {
	s := open(t, 1<<24)
	var list []*Partition
	for i := range 3000 {
		p := s.Partition(fmt.Sprint(i))
		put(t, s, p, "k", "", 1000).Unpin()
		list = append(list, p)
	}
	if !slices.Equal(s.Partitions(), list) {
		t.Error("the list differs")
	}
	for i := range 30_000 {
		put(t, s, list[0], fmt.Sprint(i), "", 1000).Unpin()
	}
	left := 0
	for _, p := range list[1:] {
		left += int(p.Stats().Objects)
	}
	if left < 2800 {
		t.Errorf("a flood left %d of 2999 others", left)
	}
}
