package cache

import (
	"bytes"
	"cmp"
	"container/heap"
	"slices"
	"strconv"
	"strings"
	"time"

	"fishplate/internal/cache/disk"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
	"fishplate/internal/predicate"
)

// A Question says which objects in memory a list is about. What is empty
// restricts nothing.
type Question struct {
	Store     string
	Partition string
	Host      string
	Prefix    string // of the key's text
	Tag       string
	Limit     int
	Cursor    string // of List: where an earlier answer ended
}

// An Entry is one object, copied: nothing of it is pinned.
type Entry struct {
	URL, Key, Store, Partition string
	State                      string // "fresh", "grace", "keep" or "filling"
	Status                     int
	Size, Memory               int64 // of the body, and of all
	Age, Left                  time.Duration
	Hits                       int64
	Tags                       []string
	Vary, Coding               string
}

// listStep is how many places of a store a list looks at in one go.
const listStep = 4096

// List returns objects in the order in which they lie, where to go on, "" at the
// end, and how many were looked at.
func (c *Caches) List(q Question) (list []Entry, next string, scanned int64) {
	name, at, _ := strings.Cut(q.Cursor, " ")
	var cursor store.Cursor
	if n, err := strconv.ParseUint(at, 10, 64); err == nil {
		cursor = store.CursorAt(n)
	}
	for _, s := range c.all() {
		if s.name < name {
			continue
		}
		if s.name > name {
			cursor = store.Cursor{}
		}
		w, ok := c.wanted(s, q)
		for more := ok; more; {
			more = s.memory.Each(w.part, &cursor, listStep, func(o *store.Object) bool {
				scanned++
				if w.takes(o) {
					list = append(list, w.entry(o))
				}
				return len(list) < q.Limit
			})
			if len(list) >= q.Limit {
				return list, s.name + " " + strconv.FormatUint(cursor.At(), 10), scanned
			}
		}
	}
	return list, "", scanned
}

// Top returns the objects that were asked for most, the first first.
func (c *Caches) Top(q Question) (list []Entry, scanned int64) {
	var best hottest
	for _, s := range c.all() {
		w, ok := c.wanted(s, q)
		if !ok {
			continue
		}
		var cursor store.Cursor
		for more := true; more; {
			more = s.memory.Each(w.part, &cursor, listStep, func(o *store.Object) bool {
				scanned++
				if len(best) == q.Limit && int64(o.Hits()) <= best[0].Hits || !w.takes(o) {
					return true
				}
				heap.Push(&best, w.entry(o))
				if len(best) > q.Limit {
					heap.Pop(&best)
				}
				return true
			})
		}
	}
	slices.SortFunc(best, func(a, b Entry) int { return cmp.Or(cmp.Compare(b.Hits, a.Hits), cmp.Compare(a.Key, b.Key)) })
	return best, scanned
}

// hottest is a heap with the coldest of the kept entries first.
type hottest []Entry

func (h hottest) Len() int           { return len(h) }
func (h hottest) Less(i, j int) bool { return h[i].Hits < h[j].Hits }
func (h hottest) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *hottest) Push(x any) { *h = append(*h, x.(Entry)) }

// Pop implements heap.Interface.
func (h *hottest) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = (*h)[:last]
	return e
}

// want is a question about one store.
type want struct {
	q     Question
	s     *Store
	part  *store.Partition // nil: all
	names map[uint32]string
	now   int64
}

// wanted prepares a question; false means that nothing in the store can fit.
func (c *Caches) wanted(s *Store, q Question) (*want, bool) {
	if q.Store != "" && q.Store != s.name {
		return nil, false
	}
	w := &want{q: q, s: s, names: map[uint32]string{}, now: c.clock().UnixNano()}
	for _, p := range s.memory.Partitions() {
		w.names[p.ID()] = p.Name()
		if q.Partition != "" && q.Partition == p.Name() {
			w.part = p
		}
	}
	return w, q.Partition == "" || w.part != nil
}

// takes reports whether the object is asked for. Marks are no objects.
func (w *want) takes(o *store.Object) bool {
	m := o.Meta()
	switch q := &w.q; {
	case m.Flags&flagMarker != 0:
		return false
	case q.Host != "" && string(disk.HostOf(o.KeyText())) != strings.ToLower(q.Host):
		return false
	case q.Prefix != "" && !hasPrefix(o.KeyText(), []byte(q.Prefix)):
		return false
	}
	return w.q.Tag == "" || hasTag(o, []byte(w.q.Tag))
}

// hasPrefix compares as a purge does: a prefix without a scheme fits all.
func hasPrefix(text, prefix []byte) bool {
	if bytes.Contains(prefix, []byte("://")) {
		return bytes.HasPrefix(text, prefix)
	}
	_, rest, ok := bytes.Cut(text, []byte("://"))
	return ok && bytes.HasPrefix(rest, prefix)
}

func (w *want) entry(o *store.Object) Entry {
	m := o.Meta()
	t := times(&m)
	text := string(o.KeyText())
	url, _, _ := strings.Cut(strings.TrimPrefix(text, "\n"), "\n")
	e := Entry{
		URL: url, Key: text, Store: w.s.name, Partition: w.names[o.PartitionID()], Status: int(m.Status), Size: o.Available(), Memory: o.Size(),
		Age: time.Duration(t.Age(w.now)), Left: time.Duration(t.Left(w.now)), Hits: int64(o.Hits()), Tags: tagsOf(o),
	}
	switch {
	case !o.Complete():
		e.State = "filling"
	case e.Left > 0:
		e.State = "fresh"
	case -e.Left < time.Duration(t.Grace):
		e.State = "grace"
	default:
		e.State = "keep"
	}
	var head message.Header
	o.Head(&head)
	if v, ok := head.GetID(message.ContentEncoding); ok {
		e.Coding = string(v)
	}
	if v, ok := head.Get("Vary"); ok {
		e.Vary = string(v)
	}
	if _, coding, ok := strings.Cut(text, "\n\ncoding "); ok {
		e.Coding = coding
	}
	return e
}

// tagsOf returns the object's tags without those of our own, which find it by its
// URL. It is never nil.
func tagsOf(o *store.Object) []string {
	list := []string{}
	for tag := range o.Tags() {
		if !bytes.HasPrefix(tag, []byte{0}) {
			list = append(list, string(tag))
		}
	}
	return list
}

// A ShownEntry is one object of a key, in full.
type ShownEntry struct {
	Entry
	Selected   bool
	Arithmetic []string
	Head       [][2]string
}

// Show returns what Explain says of a request, and every object under its key.
func (p *Policy) Show(req *message.Request, env *predicate.Env) (Explained, []ShownEntry) {
	e := p.Explain(req, env)
	text, _ := p.appendKey(nil, req, env, nil)
	var all collector
	if o := p.store.memory.Lookup(p.part, store.KeyOf(p.part.ID(), text), text, &all); o != nil {
		o.Unpin()
	}
	w, _ := p.store.caches.wanted(p.store, Question{})
	v := &Visit{claim: claim{policy: p}, req: req, now: w.now}
	var list []ShownEntry
	taken := false
	for _, o := range all.objects {
		m := o.Meta()
		if m.Flags&flagMarker == 0 {
			s := ShownEntry{Entry: w.entry(o), Selected: !taken && v.Match(o)}
			taken = taken || s.Selected
			var x Explained
			p.explainObject(&x, v, o, &m)
			s.Arithmetic = x.Freshness
			var head message.Header
			o.Head(&head)
			for i := range head.Len() {
				s.Head = append(s.Head, [2]string{string(head.Name(i)), string(head.Value(i))})
			}
			list = append(list, s)
		}
		o.Unpin()
	}
	return e, list
}

// collector pins every object of a key, and takes none.
type collector struct{ objects []*store.Object }

// Match implements store.Matcher.
func (c *collector) Match(o *store.Object) bool {
	o.Pin()
	c.objects = append(c.objects, o)
	return false
}
