package slab

import (
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

func heap(t testing.TB, memory int64) *Heap {
	t.Helper()
	h, _, mem, err := New(Plan{Root: int64(unsafe.Sizeof(Heap{})), Record: 192, Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := t.(interface{ Cleanup(func()) }); ok {
		c.Cleanup(func() {
			if err := Release(mem); err != nil {
				t.Error(err)
			}
		})
	}
	return h
}

// TestClasses bounds what rounding loses: for every size, and per slab.
func TestClasses(t *testing.T) {
	h := heap(t, 1<<20)
	for c := range classes {
		g := h.ruler.class[c]
		if lost := SlabSize - int(g.first) - int(g.cells)*int(g.size); lost > SlabSize*3/100 || lost < 0 {
			t.Errorf("class %d: %d cells of %d bytes lose %d of a slab", c, g.cells, g.size, lost)
		}
		if g.inset && int(g.first) < 4*int(g.cells) || !g.inset && g.cells > inRecord {
			t.Errorf("class %d: no room for %d owners", c, g.cells)
		}
	}
	for n := 1; n <= SlabSize; n++ {
		size := h.CellSize(h.Class(n))
		most := max(n+Unit, n+n/6)
		if n > 8<<10 {
			most = SlabSize / max(1, SlabSize/(n+Unit))
		}
		if size < n || size > most {
			t.Fatalf("%d bytes get a cell of %d, want at most %d", n, size, most)
		}
	}
}

// TestLimit fills the heap, empties it and fills it with cells of another class.
func TestLimit(t *testing.T) {
	const memory = 4 << 20
	h := heap(t, memory)
	for _, size := range []int{64, 1000, 50000, 300} {
		class := h.Class(size)
		var units []uint32
		for {
			unit, ok := h.Alloc(class, 7)
			if !ok {
				break
			}
			clear(h.Bytes(unit, size))
			units = append(units, unit)
		}
		if h.Used() > memory || h.Used() < memory-SlabSize {
			t.Errorf("size %d: %d bytes used of %d", size, h.Used(), memory)
		}
		if held := len(units) * h.CellSize(class); held < memory*85/100 {
			t.Errorf("size %d: %d cells, %d bytes", size, len(units), held)
		}
		h.Free(units...)
		if free := h.FreeBytes(); free+h.TableBytes()+8192 < h.Used() {
			t.Errorf("size %d: %d free after all were freed, of %d", size, free, h.Used())
		}
	}
	if err := h.SetLimit(2 << 20); err != nil {
		t.Fatal(err)
	}
	if !h.Trim() || h.Used() > 2<<20 {
		t.Errorf("%d used after the limit was halved", h.Used())
	}
}

// TestStableZoneGivesWay shows that idle slabs of one zone make room in the other.
func TestStableZoneGivesWay(t *testing.T) {
	h := heap(t, 2<<20)
	fill := func(class int) (units []uint32) {
		for {
			unit, ok := h.Alloc(class, 1)
			if !ok {
				return units
			}
			units = append(units, unit)
		}
	}
	cells := fill(h.Class(64))
	h.Free(cells...)
	records := fill(Stable)
	if len(records) < 9000 {
		t.Fatalf("%d records", len(records))
	}
	seen := map[uint32]bool{}
	for c := uint64(0); ; {
		if c = h.EachStable(c, 100, func(unit uint32) bool { seen[unit] = true; return true }); c == 0 {
			break
		}
	}
	if len(seen) != len(records) {
		t.Errorf("walked %d records of %d", len(seen), len(records))
	}
	h.Free(records...)
	if again := fill(h.Class(64)); len(again) < len(cells)-1100 {
		t.Errorf("%d cells, then %d", len(cells), len(again))
	}
}

// TestLikeAMap runs random histories of cells with contents.
func TestLikeAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, _, mem, err := New(Plan{Root: int64(unsafe.Sizeof(Heap{})), Record: 192, Memory: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := Release(mem); err != nil {
				t.Fatal(err)
			}
		}()
		live := map[uint32]uint32{} // unit to owner
		sizes := map[uint32]int{}
		var order []uint32
		next := uint32(1)
		drop := func(unit uint32) {
			for i, b := range h.Bytes(unit, sizes[unit])[24:] {
				if b != byte(live[unit]) {
					t.Fatalf("byte %d of cell %d is %#x", i+24, unit, b)
				}
			}
			h.Free(unit)
			delete(live, unit)
			order = slices.DeleteFunc(order, func(u uint32) bool { return u == unit })
		}
		t.Repeat(map[string]func(*rapid.T){
			"alloc": func(t *rapid.T) {
				size := rapid.SampledFrom([]int{64, 100, 700, 5000, 20000, 65536}).Draw(t, "size")
				unit, ok := h.Alloc(h.Class(size), next)
				if !ok {
					return
				}
				if live[unit] != 0 {
					t.Fatalf("cell %d is handed out twice", unit)
				}
				for i := range h.Bytes(unit, size) {
					h.Bytes(unit, size)[i] = byte(next)
				}
				live[unit], sizes[unit] = next, size
				order = append(order, unit)
				next++
			},
			"free": func(t *rapid.T) {
				if len(order) > 0 {
					drop(order[rapid.IntRange(0, len(order)-1).Draw(t, "which")])
				}
			},
			"steal": func(t *rapid.T) {
				slab, owners, ok := h.Steal(nil, 1000)
				if ok != (len(live) > 0) {
					t.Fatalf("stole %v of %d", ok, len(live))
				}
				if !ok {
					return
				}
				spare := rapid.Bool().Draw(t, "spare one")
				for i, owner := range owners {
					if spare && i == 0 {
						continue
					}
					for unit, o := range live {
						if o == owner {
							drop(unit)
						}
					}
				}
				if h.Restore(slab) == spare {
					t.Fatalf("slab %d empty: %v", slab, !spare)
				}
			},
			"": func(t *rapid.T) {
				var held int64
				for unit := range live {
					held += int64(h.Size(unit))
				}
				if sum := held + h.FreeBytes() + h.TableBytes() + round(int64(unsafe.Sizeof(Heap{})), pageSize); sum != h.Used() {
					t.Fatalf("used %d, sum %d", h.Used(), sum)
				}
			},
		})
	})
}
