package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A thing is what the naive model knows of one published object.
type thing struct {
	key, vary string
	body      []byte
	tags      []string
	fresh     int64
}

// model is the store as anybody would write it: a list.
type model struct {
	s      *Store
	p      []*Partition
	things []map[string]*thing // by partition: key and vary to object
}

// TestLikeAMap runs random histories. The store may forget (evict) and must
// not otherwise differ: what it finds is what was last published there and not
// removed since.
func TestLikeAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := New(Options{Memory: rapid.SampledFrom([]int64{1 << 20, 2 << 20, 1 << 23}).Draw(t, "memory"), MaxObject: 1 << 19})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		// Small purges leave work behind too, in some histories.
		s.core.graves.spared = rapid.SampledFrom([]int{0, batch}).Draw(t, "spared")
		m := &model{s: s, p: []*Partition{s.Partition("a"), s.Partition("b")}, things: []map[string]*thing{{}, {}}}
		if rapid.Bool().Draw(t, "quota") {
			m.p[0].SetQuota(300_000)
		}
		t.Repeat(map[string]func(*rapid.T){
			"store":    m.store,
			"refresh":  m.refresh,
			"lookup":   m.lookup,
			"remove":   m.remove,
			"purgeTag": m.purgeTag,
			"purgeKey": m.purgeKey,
			"each":     m.each,
			"reap":     func(*rapid.T) { s.Reap(1) },
			"resize": func(t *rapid.T) {
				if err := s.Resize(rapid.Int64Range(1<<20, 1<<21).Draw(t, "memory")); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				s.core.audit()
				if st := s.Stats(); st.Used > st.Memory || st.Pinned != 0 || st.Index+st.Heads+st.Bodies+st.Free != st.Used {
					t.Fatalf("books: %+v", st)
				}
			},
		})
	})
}

func (m *model) draw(t *rapid.T) (i int, p *Partition, key, vary string) {
	i = rapid.IntRange(0, 1).Draw(t, "partition")
	return i, m.p[i], fmt.Sprint("http://h/", rapid.IntRange(0, 12).Draw(t, "key")), rapid.SampledFrom([]string{"", "v1", "v2"}).Draw(t, "vary")
}

func tagsOf(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "z", "long tag of a shop"}), 0, 4).Draw(t, "tags")
}

func (m *model) store(t *rapid.T) {
	i, p, key, vary := m.draw(t)
	size := rapid.SampledFrom([]int{0, 1, 900, 5000, 70_000, 150_000}).Draw(t, "size")
	tags := tagsOf(t)
	announced := int64(size)
	if rapid.Bool().Draw(t, "unknown length") {
		announced = -1
	}
	o, err := m.s.Begin(p, KeyOf(p.ID(), []byte(key)), &Meta{Fresh: 100}, partsOf(key, vary, tags...), announced)
	if err != nil {
		if !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		return
	}
	defer o.Unpin()
	body := bodyOf(key+vary, size)
	for at := 0; at < size; {
		n := min(size-at, rapid.IntRange(1, 40_000).Draw(t, "piece"))
		if _, err := o.Append(body[at : at+n]); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			o.Abort()
			return
		}
		at += n
	}
	o.Finish()
	o.Publish()
	m.things[i][key+"|"+vary] = &thing{key, vary, body, slices.Compact(slices.Sorted(slices.Values(tags))), 100}
}

func (m *model) refresh(t *rapid.T) {
	i, p, key, vary := m.draw(t)
	old := m.s.Lookup(p, KeyOf(p.ID(), []byte(key)), []byte(key), matchVary(vary))
	if old == nil {
		return
	}
	defer old.Unpin()
	tags := tagsOf(t)
	o, err := m.s.Refresh(old, &Meta{Fresh: 200}, partsOf(key, vary, tags...))
	if err != nil {
		if !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		return
	}
	o.Publish()
	o.Unpin()
	m.things[i][key+"|"+vary] = &thing{key, vary, m.things[i][key+"|"+vary].body, slices.Compact(slices.Sorted(slices.Values(tags))), 200}
}

// same fails when an object is not what the model has.
func (m *model) same(t *rapid.T, i int, o *Object) {
	x := m.things[i][string(o.KeyText())+"|"+string(o.Vary())]
	if x == nil {
		t.Fatalf("%s (%s) is there and was removed", o.KeyText(), o.Vary())
	}
	tags := []string{}
	for tag := range o.Tags() {
		tags = append(tags, string(tag))
	}
	slices.Sort(tags)
	if !bytes.Equal(read(o), x.body) || !slices.Equal(tags, x.tags) || o.Meta().Fresh != x.fresh {
		t.Fatalf("%s (%s) differs: %d bytes, tags %q, fresh %d", o.KeyText(), o.Vary(), o.Available(), tags, o.Meta().Fresh)
	}
}

func (m *model) lookup(t *rapid.T) {
	i, p, key, vary := m.draw(t)
	if o := m.s.Lookup(p, KeyOf(p.ID(), []byte(key)), []byte(key), matchVary(vary)); o != nil {
		m.same(t, i, o)
		o.Unpin()
	}
}

func (m *model) remove(t *rapid.T) {
	i, p, key, vary := m.draw(t)
	if o := m.s.Lookup(p, KeyOf(p.ID(), []byte(key)), []byte(key), matchVary(vary)); o != nil {
		o.Remove()
		m.same(t, i, o)
		o.Unpin()
	}
	delete(m.things[i], key+"|"+vary)
}

func (m *model) purgeTag(t *rapid.T) {
	tag := rapid.SampledFrom([]string{"x", "y", "long tag of a shop", "absent"}).Draw(t, "tag")
	soft := rapid.Bool().Draw(t, "soft")
	one := rapid.IntRange(-1, 1).Draw(t, "partition")
	var p *Partition
	if one >= 0 {
		p = m.p[one]
	}
	n, most := m.s.PurgeTag(p, []byte(tag), soft, 50), 0
	for i := range m.things {
		if one >= 0 && i != one {
			continue
		}
		for name, x := range m.things[i] {
			if !slices.Contains(x.tags, tag) {
				continue
			}
			most++
			if x.fresh = 50; !soft {
				delete(m.things[i], name)
			}
		}
	}
	if n > most {
		t.Fatalf("purged %d of %d", n, most)
	}
}

func (m *model) purgeKey(t *rapid.T) {
	i, p, key, _ := m.draw(t)
	m.s.PurgeKey(p, KeyOf(p.ID(), []byte(key)), []byte(key), false, 0)
	maps.DeleteFunc(m.things[i], func(_ string, x *thing) bool { return x.key == key })
}

func (m *model) each(t *rapid.T) {
	var cur Cursor
	counts := [2]int64{}
	for m.s.Each(nil, &cur, rapid.IntRange(1, 1000).Draw(t, "n"), func(o *Object) bool {
		m.same(t, int(o.PartitionID()-1), o)
		counts[o.PartitionID()-1]++
		return true
	}) {
	}
	for i, p := range m.p {
		if st := p.Stats(); st.Objects != counts[i] {
			t.Fatalf("partition %d: saw %d objects of %d", i, counts[i], st.Objects)
		}
	}
}
