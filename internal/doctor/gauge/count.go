package gauge

import (
	"fmt"
	"slices"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
)

// Counts are counters of one file: since boot, and since the earlier look when
// there was one.
type Counts struct {
	file  string
	boot  map[string]uint64
	since map[string]uint64 // equal to boot without an earlier look
	Live  bool              // there was an earlier look
}

// Count reads the counters of a file. A counter that is smaller than it was
// started again, and is counted from there. A file that was there at the earlier
// look, and could not be read then, is an error: nothing can be subtracted.
func Count[M ~map[string]uint64](v *see.View, file string, read func([]byte) (M, error)) (Counts, error) {
	now, _, err := Read(v, file, read)
	if err != nil {
		return Counts{}, err
	}
	c := Counts{file: file, boot: now, since: now}
	if v.Before == nil {
		return c, nil
	}
	old, _, err := see.As(v.Before, file, read)
	switch {
	case see.ClassOf(err) == see.Absent:
		return c, nil // it appeared in between: since boot is since then
	case err != nil:
		return Counts{}, fmt.Errorf("at the earlier look: %w", err)
	}
	c.Live, c.since = true, map[string]uint64{}
	for name, n := range now {
		if was := old[name]; was <= n {
			n -= was
		}
		c.since[name] = n
	}
	return c, nil
}

// Get returns how much a counter grew. ok is false when the kernel does not
// count it.
func (c Counts) Get(name string) (n uint64, ok bool) {
	n, ok = c.since[name]
	return n, ok
}

// Sum adds counters; those that the kernel does not count are left out.
func (c Counts) Sum(names ...string) (sum uint64) {
	for _, name := range names {
		sum += c.since[name]
	}
	return sum
}

// Known reports whether one of the counters is there.
func (c Counts) Known(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := c.since[name]; return ok })
}

// Evidence shows counters as they stood, and how much they grew.
func (c Counts) Evidence(names ...string) []fact.Evidence {
	var list []fact.Evidence
	for _, name := range names {
		if n, ok := c.boot[name]; ok {
			list = append(list, fact.Read(c.file, fmt.Sprintf("%s %d", name, n), map[string]uint64{name: c.since[name]}))
		}
	}
	return list
}

// Missing is the error for a counter that this kernel does not have.
func (c Counts) Missing(name string) error {
	return &see.Error{What: c.file + " " + name, Class: see.Absent}
}

// Stricter picks the status of a counter that grew: while somebody looks, or in
// all the time since boot, which may be long ago.
func (c Counts) Stricter(live, boot fact.Status) fact.Status {
	if c.Live {
		return live
	}
	return boot
}

// Grown is the rule of a row that wants counters of a file to stand still. The
// sentence of the finding names the first of them that moved.
func Grown[M ~map[string]uint64](file string, read func([]byte) (M, error), live, boot fact.Status, names ...string) func(*see.View) fact.Finding {
	return func(v *see.View) fact.Finding {
		c, err := Count(v, file, read)
		if err != nil {
			return Unseen(v, err)
		}
		if !c.Known(names...) {
			return Unseen(v, c.Missing(names[0]))
		}
		for _, name := range names {
			if n := c.Sum(name); n > 0 {
				return fact.Say(c.Stricter(live, boot), fmt.Sprintf("%s: %d %s", name, n, v.Span()), c.Evidence(names...)...)
			}
		}
		return fact.Say(fact.OK, "none "+v.Span(), c.Evidence(names...)...)
	}
}
