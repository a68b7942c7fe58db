package layout

import (
	"testing"

	"pgregory.net/rapid"

	"fishplate/riscv/memory"
)

const page = memory.PageSize

// model is a space as one protection per page; none where nothing is.
type model map[uint64]uint8

const none = 0xff

// TestSpaceLikeModel does random changes to a space and to a model of it, and
// asks both the same questions.
func TestSpaceLikeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const low, high = 16 * page, 48 * page
		s := &Space{Heap: low, Brk: low, Stack: high + Guard, StackTop: high + Guard + 4*page}
		m := model{}
		at := func(addr uint64) uint8 {
			if prot, ok := m[addr/page]; ok {
				return prot
			}
			return none
		}
		address := rapid.Custom(func(t *rapid.T) uint64 { return low + page*uint64(rapid.IntRange(4, 31).Draw(t, "page")) })
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				start := address.Draw(t, "start")
				end := min(high, start+page*uint64(rapid.IntRange(1, 9).Draw(t, "pages")))
				prot := uint8(rapid.IntRange(0, 3).Draw(t, "prot"))
				s.Set(Mapping{start, end, prot})
				for a := start; a < end; a += page {
					m[a/page] = prot
				}
			},
			"cut": func(t *rapid.T) {
				start := address.Draw(t, "start")
				end := min(high, start+page*uint64(rapid.IntRange(1, 9).Draw(t, "pages")))
				s.Cut(start, end)
				for a := start; a < end; a += page {
					delete(m, a/page)
				}
			},
			"grow": func(t *rapid.T) {
				brk := low + uint64(rapid.IntRange(0, 4*page).Draw(t, "bytes"))
				if PageUp(brk) <= s.Bottom() {
					s.Brk = brk
				}
			},
			"find": func(t *rapid.T) {
				size := page * uint64(rapid.IntRange(1, 20).Draw(t, "pages"))
				got := s.Find(size)
				want := uint64(0)
				for a := s.HeapEnd(); a+size <= high; a += page {
					free := true
					for b := a; b < a+size; b += page {
						free = free && at(b) == none
					}
					if free {
						want = a
					}
				}
				if got != want {
					t.Fatalf("found %#x for %#x bytes, want %#x: %+v", got, size, want, s)
				}
			},
			"": func(t *rapid.T) {
				last := s.HeapEnd()
				for i, p := range s.Maps {
					if p.Start < last || p.Start >= p.End {
						t.Fatalf("mapping %d of %+v", i, s)
					}
					if i > 0 && s.Maps[i-1].End == p.Start && s.Maps[i-1].Prot == p.Prot {
						t.Fatalf("mapping %d is not joined: %+v", i, s)
					}
					last = p.End
				}
				for a := s.HeapEnd(); a < high; a += page {
					prot := at(a)
					if got := s.Covers(a+5, page-5); got != (prot != none && prot&memory.Read != 0) {
						t.Fatalf("covers %#x: %v, protection %d: %+v", a, got, prot, s)
					}
					if got := s.Free(a, a+page); got != (prot == none) {
						t.Fatalf("free %#x: %v, protection %d: %+v", a, got, prot, s)
					}
					list, all := s.Mapped(a, a+page)
					if all != (prot != none) || all && list[0].Prot != prot {
						t.Fatalf("mapped %#x: %+v %v, protection %d", a, list, all, prot)
					}
				}
			},
		})
	})
}

func TestEdges(t *testing.T) {
	s := &Space{Heap: 16 * page, Brk: 17*page + 1, Stack: 1000 * page, StackTop: 1010 * page}
	for _, tt := range []struct {
		addr, n uint64
		want    bool
	}{
		{16 * page, 2 * page, true},
		{16 * page, 2*page + 1, false},
		{4 * page, page, true}, // the program's: the memory knows
		{1000 * page, 10 * page, true},
		{1000*page - 1, 2, false},
		{1010*page - 1, 2, false},
		{^uint64(0) - 3, 8, false},
	} {
		if got := s.Covers(tt.addr, tt.n); got != tt.want {
			t.Errorf("covers %#x, %#x: %v", tt.addr, tt.n, got)
		}
	}
	list, all := s.Mapped(16*page, 1010*page)
	if all || len(list) != 2 {
		t.Errorf("mapped: %+v %v", list, all)
	}
	if s.Find(2000*page) != 0 || s.Bottom() != 1000*page-Guard {
		t.Error("found what does not fit")
	}
}
