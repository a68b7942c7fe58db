package slab

// Sizes of the house.
const (
	Unit     = 64       // bytes of a unit
	SlabSize = 64 << 10 // bytes of a slab
	pageSize = 4096

	// Largest is the class of cells that fill a slab.
	Largest = classes - 1
	// Stable is the class of cells that never become anything else.
	Stable = classes

	classes   = 46
	inRecord  = 8  // owners that fit a slab's record; more cells keep them in the slab
	cellFirst = 16 // where a free cell keeps its link: bytes before belong to the user
)

// geometry says how a slab of a class is cut.
type geometry struct {
	size  uint32 // bytes of a cell
	first uint32 // offset of the first cell
	cells uint16
	inset bool // owners lie at the start of the slab
}

// A ruler holds the geometry of all classes and finds the class of a size. It
// is a table made once, and never changed.
type ruler struct {
	class [classes + 1]geometry
	// small[(n+63)/64] is the class of n bytes, up to 8 KiB.
	small [8<<10/Unit + 1]uint8
}

// rule cuts slabs: cells of 64 to 512 bytes in steps of 64, then eight sizes to
// each doubling, and above 8 KiB slabs of 7, 6, 5, 4, 3, 2 and 1 cells. Within a
// slab, cells get what the division leaves over.
func (r *ruler) rule(stable uint32) {
	c := 0
	for want := uint32(Unit); want < 8<<10; want += step(want) {
		g := cut(want)
		if c > 0 && r.class[c-1].size >= g.size {
			continue
		}
		r.class[c] = g
		c++
	}
	for n := uint32(inRecord); n > 0; n-- {
		r.class[c] = geometry{size: SlabSize / n &^ (Unit - 1), cells: uint16(n)}
		c++
	}
	if c != classes {
		panic("slab: the number of classes is wrong")
	}
	r.class[Stable] = geometry{size: stable, cells: uint16(SlabSize / stable)}
	c = 0
	for i := range r.small {
		for r.class[c].size < uint32(i)*Unit {
			c++
		}
		r.small[i] = uint8(c)
	}
}

func step(size uint32) uint32 {
	s := uint32(Unit)
	for size >= 1024 {
		s, size = s*2, size/2
	}
	return s
}

// cut divides a slab into cells of at least size bytes, behind their owners.
func cut(size uint32) geometry {
	n := uint32(SlabSize) / (size + 4)
	for head(n)+n*size > SlabSize {
		n--
	}
	size = (SlabSize - head(n)) / n &^ (Unit - 1)
	return geometry{size: size, first: head(n), cells: uint16(n), inset: true}
}

// head is the room of n owners, in whole units.
func head(n uint32) uint32 { return (4*n + Unit - 1) &^ (Unit - 1) }

// Class returns the class of cells that n bytes need, at most SlabSize.
func (h *Heap) Class(n int) int {
	if n <= 8<<10 {
		return int(h.ruler.small[(n+Unit-1)/Unit])
	}
	c := int(h.ruler.small[len(h.ruler.small)-1])
	for int(h.ruler.class[c].size) < n {
		c++
	}
	return c
}

// CellSize returns the bytes of a cell of a class.
func (h *Heap) CellSize(class int) int { return int(h.ruler.class[class].size) }
