package heap

import (
	"testing"

	"pgregory.net/rapid"
)

func TestRoundingAndFirstFit(t *testing.T) {
	var h Heap
	h.Reset(0x1000, 0x10000)
	a, _ := h.Alloc(0)
	b, _ := h.Alloc(1)
	c, _ := h.Alloc(17)
	d, _ := h.Alloc(1)
	if a != 0x1000 || b != 0x1010 || c != 0x1020 || d != 0x1040 {
		t.Fatalf("allocations at %#x %#x %#x %#x", a, b, c, d)
	}
	h.Free(b)
	if again, _ := h.Alloc(16); again != b {
		t.Errorf("freed block not reused: %#x", again)
	}
	if h.Free(0x1001) || h.Free(0x9000) {
		t.Error("freed what was never allocated")
	}
}

func TestResize(t *testing.T) {
	var h Heap
	h.Reset(0x1000, 0x1000)
	a, _ := h.Alloc(64)
	b, _ := h.Alloc(64)
	if h.Resize(a, 128) {
		t.Error("grew into a used neighbour")
	}
	h.Free(b)
	if !h.Resize(a, 128) || !h.Resize(a, 16) {
		t.Error("did not grow into free room, or not shrink")
	}
	if n, _ := h.Size(a); n != 16 {
		t.Errorf("size %d", n)
	}
	if _, ok := h.Alloc(^uint64(0)); ok {
		t.Error("allocated everything there is")
	}
}

// TestChunksTile checks, after any history, that chunks cover the window
// without gap or overlap and that no two free ones touch.
func TestChunksTile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Heap
		h.Reset(4096, 1<<16)
		var live []uint64
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			n := rapid.Uint64Range(0, 3000).Draw(t, "n")
			switch k := rapid.IntRange(0, 2).Draw(t, "kind"); {
			case k == 0 || len(live) == 0:
				if a, ok := h.Alloc(n); ok {
					live = append(live, a)
				}
			case k == 1:
				i := rapid.IntRange(0, len(live)-1).Draw(t, "i")
				if !h.Free(live[i]) {
					t.Fatalf("free %#x", live[i])
				}
				live = append(live[:i], live[i+1:]...)
			default:
				h.Resize(live[rapid.IntRange(0, len(live)-1).Draw(t, "i")], n)
			}
			at, wasFree := h.Base(), false
			for _, c := range h.chunks {
				if c.addr != at || c.size == 0 || wasFree && !c.used {
					t.Fatalf("chunk %+v after %#x", c, at)
				}
				at, wasFree = c.addr+c.size, !c.used
			}
			if at != h.End() {
				t.Fatalf("chunks end at %#x", at)
			}
		}
	})
}
