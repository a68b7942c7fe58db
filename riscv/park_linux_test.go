package riscv

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
)

// resident returns the memory of this process that is in the host's, in bytes,
// and how many mappings it has.
func resident(t testing.TB) (size, mappings int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(string(bytes.Fields(status)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize(), bytes.Count(maps, []byte("\n"))
}

// filler stores x6, then x6+x7, and so on, to all of the page at x5, and stops.
func filler() []uint32 {
	return []uint32{
		encI(wAddi, 8, 0, 512),
		encS(wSd, 5, 6, 0),      // loop: sd x6, 0(x5)
		encI(wAddi, 5, 5, 8),    // addi x5, x5, 8
		0x00730333,              // add x6, x6, x7
		encI(wAddi, 8, 8, -1),   // addi x8, x8, -1
		encB(0x1063, 8, 0, -16), // bne x8, x0, loop
		wStop,
	}
}

// TestTenThousandForks keeps as many forks of one image alive, each with a page
// of which every byte was written, and bounds what they cost.
func TestTenThousandForks(t *testing.T) {
	const (
		forks    = 10_000
		most     = 200 << 20 // bytes
		mostMaps = 1000      // of the host's 65,530 mappings
		factor   = 0x9e3779b97f4a7c15
		checked  = 500
	)
	im, err := machine(t, filler(), make([]byte, 16*PageSize)).Freeze()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(im.Close)
	debug.FreeOSMemory()
	size, maps := resident(t)
	all := make([]*Machine, forks)
	for i := range all {
		m, err := im.Fork()
		if err != nil {
			t.Fatal(err)
		}
		m.X[5], m.X[6], m.X[7] = dataAt+3*PageSize, uint64(i), factor
		if e := m.Run(1 << 20); e.Kind != Stop {
			t.Fatal(e)
		}
		m.Park()
		all[i] = m
	}
	size2, maps2 := resident(t) // garbage counts
	size, maps = size2-size, maps2-maps
	t.Logf("%d forks alive, %d bytes written by each: %.1f MiB resident, %.2f KiB each; %d mappings",
		forks, PageSize, float64(size)/(1<<20), float64(size)/forks/1024, maps)
	if !raceEnabled && size > most {
		t.Errorf("forks at rest cost %d bytes, want at most %d", size, most)
	}
	if maps > mostMaps {
		t.Errorf("forks at rest cost %d mappings, want at most %d", maps, mostMaps)
	}
	for i := 0; i < forks; i += forks / checked {
		b, err := all[i].Mem.View(dataAt+3*PageSize, PageSize)
		if err != nil {
			t.Fatal(err)
		}
		want := uint64(i)
		for at := 0; at < PageSize; at += 8 {
			if got := binary.LittleEndian.Uint64(b[at:]); got != want {
				t.Fatalf("fork %d, byte %d: %#x, want %#x", i, at, got, want)
			}
			want += factor
		}
		all[i].Park()
	}
	for _, m := range all {
		m.Close()
	}
	if n := im.Stats(); n.Parked != 0 || n.InUse != 0 {
		t.Errorf("after closing all: %+v", n)
	}
}
