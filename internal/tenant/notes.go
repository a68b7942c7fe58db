package tenant

import (
	"maps"
	"slices"
	"sync"
	"time"

	"fishplate/internal/metrics"
)

// Bounds of what a program says to operators.
const (
	maxLabel    = 64  // bytes of a name
	maxNote     = 256 // bytes of a value
	maxNotes    = 16  // fields, and spans, of a request
	maxNoteText = maxNotes*(2*maxLabel+2*maxNote) + 1024
	maxCustom   = 64 // counters of a tenant, and names of spans that are measured
)

// Notes are what a program wrote about one request for the access log: fields,
// and how long parts of it took. They belong to the exchange, which resets them;
// the slices that methods return are valid until then.
type Notes struct {
	id     [8]byte // zero: nobody asked
	text   []byte
	fields []note
	spans  []span
}

// note is a field: offsets into the text.
type note struct{ name, value, end int }

type span struct {
	name, end int
	begin     time.Time
	took      time.Duration // -1: not ended
}

// Reset empties the notes.
func (n *Notes) Reset() {
	n.id = [8]byte{}
	n.text, n.fields, n.spans = n.text[:0], n.fields[:0], n.spans[:0]
}

// ID returns the name that the program knows the request by, zero when it did
// not ask.
func (n *Notes) ID() [8]byte { return n.id }

// Name is ID, for somebody who asks: the request has one from then on.
func (n *Notes) Name() [8]byte {
	christen(&n.id)
	return n.id
}

// Empty reports whether there is nothing to be logged.
func (n *Notes) Empty() bool { return n.id == [8]byte{} && len(n.fields) == 0 && len(n.spans) == 0 }

// Fields returns how many fields there are.
func (n *Notes) Fields() int { return len(n.fields) }

// Field returns field i.
func (n *Notes) Field(i int) (name, value []byte) {
	f := n.fields[i]
	return n.text[f.name:f.value], n.text[f.value:f.end]
}

// Spans returns how many spans there are.
func (n *Notes) Spans() int { return len(n.spans) }

// Span returns span i and how long it took, up to now when it has not ended.
func (n *Notes) Span(i int, now time.Time) (name []byte, took time.Duration) {
	s := n.spans[i]
	if took = s.took; took < 0 {
		took = now.Sub(s.begin)
	}
	return n.text[s.name:s.end], took
}

// set adds a field, or replaces the value of one that is there.
func (n *Notes) set(name, value []byte) bool {
	if len(n.text)+len(name)+len(value) > maxNoteText {
		return false
	}
	i := slices.IndexFunc(n.fields, func(f note) bool { return string(n.text[f.name:f.value]) == string(name) })
	if i < 0 {
		if len(n.fields) == maxNotes {
			return false
		}
		i = len(n.fields)
		n.fields = append(n.fields, note{})
	}
	at := len(n.text)
	n.text = append(append(n.text, name...), value...)
	n.fields[i] = note{at, at + len(name), len(n.text)}
	return true
}

// begin adds a span.
func (n *Notes) begin(name []byte, now time.Time) (int, bool) {
	if len(n.spans) == maxNotes || len(n.text)+len(name) > maxNoteText {
		return 0, false
	}
	at := len(n.text)
	n.text = append(n.text, name...)
	n.spans = append(n.spans, span{name: at, end: len(n.text), begin: now, took: -1})
	return len(n.spans) - 1, true
}

func (n *Notes) end(i uint64, now time.Time) bool {
	if i >= uint64(len(n.spans)) || n.spans[i].took >= 0 {
		return false
	}
	n.spans[i].took = max(now.Sub(n.spans[i].begin), 0)
	return true
}

// Annotate has the program's notes about the request kept in n, until Release.
// It comes before the first call of the program.
func (r *Run) Annotate(n *Notes) { r.notes = n }

// custom are counters, or spans, of names that a tenant's programs made up.
type custom struct {
	mu   sync.Mutex
	sets map[string]*metrics.Set // of one table
}

// set returns what counts for a name; nil when there are too many names.
func (c *custom) set(name []byte, table *metrics.Table) *metrics.Set {
	c.mu.Lock()
	defer c.mu.Unlock()
	set := c.sets[string(name)]
	if set == nil && len(c.sets) < maxCustom {
		if c.sets == nil {
			c.sets = map[string]*metrics.Set{}
		}
		set = table.New()
		c.sets[string(name)] = set
	}
	return set
}

// all returns a copy of the list.
func (c *custom) all() map[string]*metrics.Set {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.sets)
}

// count is false when there are too many names.
func (s *stats) count(name []byte, n int64) bool {
	set := s.custom.set(name, &metrics.TenantCustom)
	if set != nil {
		set.Add(metrics.NewShard(), 0, n)
	}
	return set != nil
}

// spanned measures a span that ended. Beyond the bound of names it stands in the
// access log alone.
func (s *stats) spanned(name []byte, took time.Duration) {
	if set := s.spans.set(name, &metrics.TenantSpan); set != nil {
		set.Observe(metrics.NewShard(), 0, took)
	}
}

// Custom returns the counters that the tenant's programs made up, by name, of
// metrics.TenantCustom. They outlive reloads.
func (t *Tenant) Custom() map[string]*metrics.Set { return t.stats.custom.all() }

// Spans returns what was measured of the parts of requests that the tenant's
// programs named, of metrics.TenantSpan. They outlive reloads.
func (t *Tenant) Spans() map[string]*metrics.Set { return t.stats.spans.all() }
