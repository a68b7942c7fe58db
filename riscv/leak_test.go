package riscv

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"fishplate/riscv/memory"
	"fishplate/riscv/vector"
)

// What a leaking guest writes everywhere, and how it lies in memory.
const secret = 0x5ec2e7c0ffee5ec2

var pattern = []byte{0xc2, 0x5e, 0xee, 0xff, 0xc0, 0xe7, 0xc2, 0x5e}

// The entries of leaker, in instructions.
const (
	entryStore  = 0
	entryVector = 6
	entryCalls  = 12
	entrySC     = 16
)

// leaker stores x6 at x5 in every way that there is and reserves it; fills the
// vector registers; calls until the predictor of returns is full; and tries
// whether a reservation is left.
func leaker() []uint32 {
	vmv := func(vd uint32) uint32 { return 0x5e004057 | 6<<15 | vd<<7 } // vmv.v.x vd, x6
	return []uint32{
		encS(wSd, 5, 6, 0), encS(wSd, 5, 6, -4), encS(wFsd, 5, 6, 8), 0x0062b3af, 0x1002b3af, wStop, // amoadd.d, lr.d
		0x01b070d7, vmv(0), vmv(8), vmv(16), vmv(24), wStop, // vsetvli x1, x0, e64, m8
		encJ(1, 4), encI(wAddi, 8, 8, -1), encB(0x1063, 8, 0, -8), wStop,
		0x1862b4af, wStop, // sc.d x9, x6, (x5)
	}
}

// leak is one guest's stay in a fork.
type leak struct {
	t *testing.T
	r *rand.Rand
	m *Machine
}

// call runs leaker from one of its entries.
func (l *leak) call(entry uint64, fuel uint64) {
	l.m.PC = textAt + 4*entry
	l.m.Run(fuel)
}

// stay does a random number of things that could leave something behind.
// Refusals by protection and the limit are part of it.
func (l *leak) stay() {
	m, r := l.m, l.r
	for range r.IntN(100) {
		addr := uint64(dataAt) + uint64(r.IntN(128))*PageSize
		size := uint64(r.IntN(5)) * PageSize
		var err error
		switch r.IntN(12) {
		case 0:
			err = m.Mem.Write(addr+uint64(r.IntN(4096)), pattern)
		case 1:
			err = m.Mem.Protect(addr, size, uint8(r.IntN(2))*memory.Read)
		case 2:
			err = m.Mem.Map(addr, size, uint8(r.IntN(4)))
		case 3:
			err = m.Mem.Unmap(addr, size)
		case 4:
			err = m.Mem.Zero(addr, uint64(r.IntN(9000)))
		case 5:
			err = m.Mem.Discard(addr, size)
		case 6:
			err = m.Mem.Move(addr, dataAt+uint64(r.IntN(128))*PageSize, size)
			if err != nil && !errors.As(err, new(*MemoryError)) {
				err = nil // the ranges overlapped
			}
		case 7:
			m.Park()
		default:
			m.X[5], m.X[6], m.F[6] = addr, secret, secret
			l.call(entryStore, uint64(r.IntN(8)))
		}
		var e *MemoryError
		if err != nil && !errors.As(err, &e) {
			l.t.Fatal(err)
		}
	}
	m.X[6], m.X[8] = secret, uint64(r.IntN(300))
	l.call(entryVector, 100)
	l.call(entryCalls, 1000)
	for i := 1; i < 32; i++ {
		m.X[i], m.F[i] = secret, secret
	}
	m.SetFCSR(0xff)
	m.Charge(99)
	m.Time = func() uint64 { return secret }
	m.X[5] = dataAt
	l.call(entryStore, 5) // ends with a reservation
}

// ways are the ways in which a fork that somebody used becomes one that somebody
// else uses.
var ways = []struct {
	name string
	next func(m *Machine) (*Machine, error)
}{
	{"reset", func(m *Machine) (*Machine, error) { m.Reset(); return m, nil }},
	{"close, fork", func(m *Machine) (*Machine, error) { m.Close(); return m.image.Fork() }},
	{"park, reset", func(m *Machine) (*Machine, error) { m.Park(); m.Reset(); return m, nil }},
	{"park, close, fork", func(m *Machine) (*Machine, error) { m.Park(); m.Close(); return m.image.Fork() }},
	{"park, wake, close, fork", func(m *Machine) (*Machine, error) {
		m.Park()
		if err := m.Mem.Wake(); err != nil {
			return nil, err
		}
		m.Close()
		return m.image.Fork()
	}},
	{"fork beside a parked one", func(m *Machine) (*Machine, error) {
		m.Park()
		next, err := m.image.Fork() // most likely in the arena of m
		m.Close()
		return next, err
	}},
}

// TestNothingIsLeft lets a guest leave secrets in a fork wherever it can, and
// searches the fork that the next guest gets.
func TestNothingIsLeft(t *testing.T) {
	data := bytes.Repeat([]byte{7}, 64*PageSize)
	clean := fork(t, leaker(), data)
	m := fork(t, leaker(), data)
	l := &leak{t: t, r: rand.New(rand.NewPCG(*seedFlag, 2))}
	for round := range 150 {
		l.m = m
		l.stay()
		way := ways[l.r.IntN(len(ways))]
		var err error
		if m, err = way.next(m); err != nil {
			t.Fatal(err)
		}
		if found := difference(m, clean); found != "" {
			t.Fatalf("seed %d, round %d, %s: %s", *seedFlag, round, way.name, found)
		}
		l.m = m
		m.X[5] = dataAt
		l.call(entrySC, 1)
		if m.X[9] != 1 {
			t.Fatalf("seed %d, round %d, %s: a reservation is left", *seedFlag, round, way.name)
		}
		m.Reset()
	}
	m.Close()
}

// difference says in what a fork differs from one that never ran, or where a
// secret is.
func difference(m, clean *Machine) string {
	if m.X != clean.X || m.F != clean.F || m.PC != clean.PC || m.Instret != clean.Instret || m.FCSR() != clean.FCSR() {
		return "registers are not those of the image"
	}
	if m.V != nil && !cmp.Equal(m.V.Copy().V, vector.New().V) {
		return "vector registers are not zero"
	}
	if bytes.Contains(unsafe.Slice((*byte)(unsafe.Pointer(&m.State)), unsafe.Sizeof(m.State)), pattern) {
		return "the secret is in the machine's own fields"
	}
	end := uint64(dataAt + 256*PageSize)
	got, err := m.Mem.View(PageSize, end-PageSize)
	want, err2 := clean.Mem.View(PageSize, end-PageSize)
	switch {
	case err != nil || err2 != nil:
		return "memory cannot be read"
	case bytes.Contains(got, pattern):
		return "the secret is in memory"
	case !bytes.Equal(got, want):
		return "memory differs from the image"
	case !bytes.Equal(visibleAttrs(m), visibleAttrs(clean)):
		return "page attributes differ from the image"
	case m.Mem.Pages() != clean.Mem.Pages() || m.Mem.Dirty() != 0:
		return "page counts differ from the image"
	}
	// Where no page exists, zeroing changes nothing and says what regions say.
	for p, a := range m.Mem.Attrs()[:end/PageSize] {
		if p > 0 && a&mapped == 0 && m.Mem.Zero(uint64(p)*PageSize, 1) != nil {
			return fmt.Sprintf("a protection is left at page %#x", p)
		}
	}
	return ""
}

// Attributes as riscv/memory has them: the page exists; the arena has a copy of
// its own of it.
const (
	mapped = 1 << 3
	owned  = 1 << 5
)

// visibleAttrs returns the attributes of all pages, but for owned.
func visibleAttrs(m *Machine) []byte {
	attrs := bytes.Clone(m.Mem.Attrs())
	for i := range attrs {
		attrs[i] &^= owned
	}
	return attrs
}
