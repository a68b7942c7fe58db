package memory

// A snapshot has only pages that exist, one after the other. A layout says which
// of them a fork maps where. Each run of pages costs every arena up to two of
// the host's mappings, of which a process has 65,530, and a gap inside a run
// costs nothing but, once it is read, the host's page for it. So small gaps are
// bridged, and greater ones when there are too many.
const (
	maxRuns    = 8 // of pages; attributes have fewer
	bridgeable = 16
)

// run is a run of pages that lie at index and after in a snapshot.
type run struct {
	first, n uint32
	index    int
}

// layout is what a snapshot consists of, in its order.
type layout struct {
	pages []run // of the address space
	attrs []run // of attributes
	count int   // pages of the address space in the snapshot, bridged gaps included
}

// extent says what a fork maps: n bytes of the snapshot at off, to be seen at
// byte at of the arena, attributes included.
type extent struct{ at, off, n int }

// chunk is a page of a snapshot and its place there.
type chunk struct {
	off  int
	data []byte
}

// layOut makes the layout for the pages of list, which is sorted.
func layOut(list []uint32) layout {
	var of []uint32
	for _, p := range list {
		if k := p >> PageShift; len(of) == 0 || of[len(of)-1] != k {
			of = append(of, k)
		}
	}
	l := layout{}
	l.pages, l.count = runsOf(list, 0)
	l.attrs, _ = runsOf(of, l.count)
	return l
}

// runsOf groups pages into few runs that begin at index, and returns the index
// after them.
func runsOf(list []uint32, index int) ([]run, int) {
	for gap := uint32(bridgeable); ; gap *= 2 {
		var runs []run
		next := index
		for i, p := range list {
			k := len(runs) - 1
			if i == 0 || p-list[i-1] > gap {
				runs = append(runs, run{p, 1, next})
				next++
				continue
			}
			more := p - list[i-1]
			runs[k].n += more
			next += int(more)
		}
		if len(runs) <= maxRuns {
			return runs, next
		}
	}
}

// find returns the index of page p, or -1. There are few runs.
func find(runs []run, p uint32) int {
	for i := range runs {
		if r := &runs[i]; p-r.first < r.n {
			return r.index + int(p-r.first)
		}
	}
	return -1
}

// extents returns what a fork maps of the snapshot.
func (l *layout) extents() []extent {
	var list []extent
	for _, r := range l.attrs {
		list = append(list, extent{int(r.first) << PageShift, r.index << PageShift, int(r.n) << PageShift})
	}
	for _, r := range l.pages {
		list = append(list, extent{AttrsBelow + int(r.first)<<PageShift, r.index << PageShift, int(r.n) << PageShift})
	}
	return list
}
