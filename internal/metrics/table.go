package metrics

import "time"

// Kind says how a row's cells may be read.
type Kind uint8

// The kinds of rows.
const (
	Counter   Kind = iota // only grows
	Gauge                 // goes up and down
	Histogram             // one cell per bound, one above all bounds, one for the sum
)

var kinds = [...]string{"counter", "gauge", "histogram"}

// String returns the word that documentation uses.
func (k Kind) String() string { return kinds[k] }

// Unit says what one step of a cell is.
type Unit uint8

// The units of cells. Durations are exposed in seconds, however they are
// counted.
const (
	Events Unit = iota
	Bytes
	Nanoseconds
	Instructions
	Microseconds
)

var units = [...]string{"events", "bytes", "seconds", "instructions", "seconds"}

// Scale converts a cell to what is exposed.
func (u Unit) Scale(v int64) float64 {
	switch u {
	case Nanoseconds:
		return float64(v) / 1e9
	case Microseconds:
		return float64(v) / 1e6
	}
	return float64(v)
}

// String returns the unit in which the row is exposed.
func (u Unit) String() string { return units[u] }

// Row is one metric family over one or more cells of a Set.
type Row struct {
	At     int    // index of its first cell: the constant that writers use
	Name   string // metric name, a promise
	Kind   Kind
	Unit   Unit
	Label  string   // further label; one cell for each of Values
	Values []string // values of Label
	Bounds []time.Duration
	Help   string
}

// Cells returns how many cells of the Set the row takes.
func (r *Row) Cells() int {
	switch {
	case r.Kind == Histogram:
		return len(r.Bounds) + 2
	case len(r.Values) > 0:
		return len(r.Values)
	}
	return 1
}

// Table names the cells of the Sets of one kind of thing.
type Table struct {
	Subject string   // "listener", "route", …
	Labels  []string // label names that say which of its kind a Set belongs to
	Rows    []Row
}

// Cells returns how many cells a Set of this table has.
func (t *Table) Cells() (n int) {
	for i := range t.Rows {
		n += t.Rows[i].Cells()
	}
	return n
}

// New returns a Set for one thing of this table's kind.
func (t *Table) New() *Set { return NewSet(t.Cells()) }

// Class returns the offset of a status in a row whose Values are the five
// classes of statuses: 0 for 1xx, 4 for 5xx and everything unknown.
func Class(status int) int {
	if status >= 100 && status < 500 {
		return status/100 - 1
	}
	return 4
}

// Bucket returns the offset of d in a histogram row over Durations.
func Bucket(d time.Duration) int {
	for i, bound := range durations {
		if d <= bound {
			return i
		}
	}
	return len(durations)
}

// Observe adds one duration to the histogram row (over Durations) that begins
// at cell at.
func (s *Set) Observe(shard Shard, at int, d time.Duration) {
	s.Add(shard, at+Bucket(d), 1)
	s.Add(shard, at+len(durations)+1, int64(d))
}

// Durations returns the bounds of every duration histogram: 0.1 ms to 30 s.
func Durations() []time.Duration { return durations[:] }

var durations = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second,
}

var classes = []string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// Steps returns the twelve words of an exchange, in order.
func Steps() []string { return steps }

var steps = []string{
	"accept", "sniff", "read", "route", "admit", "guest",
	"lookup", "fetch", "store", "respond", "reply", "record",
}

// Reading is one Set with the names of the thing that it counts for.
type Reading struct {
	Table  *Table
	Values []string // one for each of Table.Labels
	Set    *Set
	More   []int64 // cells that follow those of Set: gauges read from a state
}

// Cells returns the values of all cells of the reading's table.
func (r *Reading) Cells() []int64 {
	cells := make([]int64, r.Table.Cells())
	n := min(r.Set.Len(), len(cells))
	for i := range n {
		cells[i] = r.Set.Value(i)
	}
	copy(cells[n:], r.More)
	return cells
}

// WordTable names a metric whose label values are not known beforehand.
type WordTable struct {
	Name  string
	Label string
	Help  string
}

// Faults counts exchanges that ended in a fault, by its cause.
var Faults = WordTable{Name: "fishplate_faults_total", Label: "cause", Help: "Exchanges that ended in a fault, by its cause: the words of docs/reference/causes.md."}

// WordTables returns all word tables.
func WordTables() []*WordTable { return []*WordTable{&Faults} }

// WordReading is a count of words with the table that names it.
type WordReading struct {
	Table *WordTable
	Words *Words
}
