package metrics

import (
	"strings"
	"testing"
	"time"
)

// TestRowsAreContiguous proves that each row's constant is where its cells are.
func TestRowsAreContiguous(t *testing.T) {
	names := map[string]bool{}
	for _, table := range Tables() {
		at := 0
		for i := range table.Rows {
			r := &table.Rows[i]
			if r.At != at {
				t.Errorf("%s: row %s is at %d, its constant says %d", table.Subject, r.Name, at, r.At)
			}
			at += r.Cells()
			if names[r.Name] {
				t.Errorf("%s is named twice", r.Name)
			}
			names[r.Name] = true
			checkRow(t, table, r)
		}
		if got := table.New().Len(); got != at {
			t.Errorf("%s: a set has %d cells, want %d", table.Subject, got, at)
		}
	}
}

func checkRow(t *testing.T, table *Table, r *Row) {
	t.Helper()
	if !strings.HasPrefix(r.Name, "fishplate_") || r.Help == "" || !strings.HasSuffix(r.Help, ".") {
		t.Errorf("%s: name or help out of form: %q", r.Name, r.Help)
	}
	if (r.Kind == Counter) != strings.HasSuffix(r.Name, "_total") {
		t.Errorf("%s: a %s", r.Name, r.Kind)
	}
	if (r.Unit == Nanoseconds || r.Unit == Microseconds) && !strings.Contains(r.Name, "_seconds") || r.Unit == Bytes && !strings.Contains(r.Name, "_bytes") {
		t.Errorf("%s: the name does not tell its unit, %s", r.Name, r.Unit)
	}
	if r.Kind == Histogram && len(r.Bounds) == 0 || (r.Label != "") != (len(r.Values) > 0) {
		t.Errorf("%s of %s: bounds or values are missing", r.Name, table.Subject)
	}
}

func TestObserve(t *testing.T) {
	s := VHost.New()
	s.Observe(NewShard(), VHostDuration, 300*time.Microsecond)
	s.Observe(NewShard(), VHostDuration, time.Hour)
	s.Observe(NewShard(), VHostDuration, 100*time.Microsecond)
	for offset, want := range map[int]int64{0: 1, 1: 0, 2: 1, len(durations): 1, len(durations) + 1: int64(time.Hour + 400*time.Microsecond)} {
		if got := s.Value(VHostDuration + offset); got != want {
			t.Errorf("cell +%d is %d, want %d", offset, got, want)
		}
	}
}

func TestClass(t *testing.T) {
	for status, want := range map[int]int{100: 0, 200: 1, 304: 2, 404: 3, 503: 4, 0: 4, 999: 4} {
		if got := Class(status); got != want {
			t.Errorf("Class(%d) = %d, want %d", status, got, want)
		}
	}
}

func TestSetSums(t *testing.T) {
	s := NewSet(20)
	for i := range 100 {
		s.Add(Shard(i), 17, 2)
		s.Add(Shard(i), 3, -1)
	}
	if a, b := s.Value(17), s.Value(3); a != 200 || b != -100 {
		t.Errorf("sums are %d and %d", a, b)
	}
	if n := testing.AllocsPerRun(100, func() { s.Add(3, 4, 1) }); n != 0 {
		t.Errorf("Add allocates %v times", n)
	}
}

func TestReadingCells(t *testing.T) {
	s := NewSet(11)
	s.Add(0, 10, 7)
	r := Reading{Table: &Backend, Set: s, More: []int64{3}}
	cells := r.Cells()
	if len(cells) != Backend.Cells() || cells[10] != 7 || cells[11] != 3 {
		t.Errorf("cells: %v", cells)
	}
}

func TestScale(t *testing.T) {
	for unit, want := range map[Unit]float64{Events: 1500, Nanoseconds: 1.5e-6, Microseconds: 1.5e-3, Bytes: 1500} {
		if got := unit.Scale(1500); got != want {
			t.Errorf("%s: %v, want %v", unit, got, want)
		}
	}
}
