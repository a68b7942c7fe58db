package memory

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"unsafe"
)

const at = 0x10000 // where most tests work

func newMemory(t testing.TB, pages int) *Memory {
	t.Helper()
	m, err := New(1<<22, uint64(pages)*PageSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// kindOf returns the kind and address of an error of this package, or zeroes.
func kindOf(err error) (Kind, uint64) {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind, e.Addr
	}
	return 0, 0
}

func TestBounds(t *testing.T) {
	m := newMemory(t, 100)
	tests := []struct {
		name    string
		addr, n uint64
		fails   uint64 // the address of the error; 0 for none
	}{
		{"plain", at, 8, 0},
		{"empty", at, 0, 0},
		{"guard page", 8, 8, 8},
		{"into nothing from the guard", 4095, 1, 4095},
		{"first byte", 4096, 1, 0},
		{"last byte", 1<<22 - 1, 1, 0},
		{"empty at the top", 1 << 22, 0, 0},
		{"across the top", 1<<22 - 4, 8, 1 << 22},
		{"above", 1 << 40, 1, 1 << 40},
		{"length overflows", at, ^uint64(0), 1 << 22},
		{"address overflows", ^uint64(0), 2, ^uint64(0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, view := m.View(tt.addr, tt.n)
			errs := []error{view, m.Zero(tt.addr, tt.n)}
			if tt.n < 100 {
				errs = append(errs, m.Read(tt.addr, make([]byte, tt.n)), m.Write(tt.addr, make([]byte, tt.n)))
			}
			for i, err := range errs {
				want := Kind(0)
				if tt.fails != 0 {
					want = Denied
				}
				if k, a := kindOf(err); k != want || a != tt.fails {
					t.Errorf("call %d: %v", i, err)
				}
			}
		})
	}
}

func TestUnmappedMemory(t *testing.T) {
	m := newMemory(t, 3)
	b, err := m.View(at, 100)
	if err != nil || !bytes.Equal(b, make([]byte, 100)) || m.Pages() != 0 {
		t.Fatalf("before: %v, %v, %d pages", b, err, m.Pages())
	}
	if err := m.Write(at+4092, []byte("crossing")); err != nil || m.Pages() != 2 {
		t.Fatalf("write across pages: %v, %d pages", err, m.Pages())
	}
	if err := m.Write(at+8188, []byte("crossing")); err != nil || m.Pages() != 3 {
		t.Fatalf("third page: %v, %d pages", err, m.Pages())
	}
	// The fourth is one too many, and nothing is written of what crosses into it.
	if k, a := kindOf(m.Write(at+12284, []byte("crossing"))); k != Limit || a != at+12288 {
		t.Errorf("fourth page: kind %d at %#x", k, a)
	}
	if s, _ := m.CString(at+12284, 8); s != "" {
		t.Errorf("half a write happened: %q", s)
	}
	if e := m.Store(at+12284, ^uint64(0), 8); e == nil || e.Kind != Limit {
		t.Errorf("store: %v", e)
	}
	if err := m.Unmap(at, 4096); err != nil || m.Pages() != 2 {
		t.Errorf("unmap: %v, %d pages", err, m.Pages())
	}
	if err := m.Write(at+12284, []byte("crossing")); err != nil {
		t.Errorf("after unmapping there is room: %v", err)
	}
}

func TestStoreSizes(t *testing.T) {
	m := newMemory(t, 10)
	for _, size := range []uint64{1, 2, 4, 8} {
		for _, off := range []uint64{0, 1, 7, 4089, 4093, 4095} {
			if err := m.Write(at, bytes.Repeat([]byte{0xee}, 8192)); err != nil {
				t.Fatal(err)
			}
			if e := m.Store(at+off, 0x8877665544332211, size); e != nil {
				t.Fatal(e)
			}
			got, _ := m.View(at+off, 9)
			want := append([]byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}[:size:size], bytes.Repeat([]byte{0xee}, 9-int(size))...)
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes at +%d: % x, want % x", size, off, got, want)
			}
		}
	}
}

func TestProtection(t *testing.T) {
	m := newMemory(t, 100)
	if err := m.LoadSegment(at, 100, Read|Exec, []byte("code")); err != nil {
		t.Fatal(err)
	}
	check := func(name string, err error, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	check("map over code", m.Map(at-4096, 8192, Read|Write), ErrCode)
	check("unmap code", m.Unmap(at, 1), ErrCode)
	check("make code writable", m.Protect(at, 1, Read|Write), ErrCode)
	check("make data executable", m.Protect(at+4096, 1, Read|Exec), ErrCode)
	check("map executable", m.Map(at+8192, 1, Read|Exec), ErrCode)
	check("keep code as it is", m.Protect(at, 4096, Read|Exec), nil)
	if k, _ := kindOf(m.Write(at, []byte{1})); k != Denied {
		t.Error("code was written")
	}
	if err := m.LoadSegment(at+100, 100, Read|Write, nil); err == nil {
		t.Error("a page became writable and executable")
	}
	if k, _ := kindOf(m.Zero(at, 8)); k != Denied {
		t.Error("code was zeroed")
	}

	data := uint64(at + 4096)
	check("write", m.Write(data, []byte("kept")), nil)
	check("protect", m.Protect(data, 8192, Read), nil)
	for _, a := range []uint64{data, data + 4096} {
		if k, where := kindOf(m.Write(a, []byte{1})); k != Denied || where != a {
			t.Errorf("read-only page %#x: kind %d at %#x", a, k, where)
		}
	}
	check("unprotect", m.Protect(data, 8192, Read|Write), nil)
	if s, _ := m.CString(data, 9); s != "kept" {
		t.Errorf("protection lost the contents: %q", s)
	}
	check("write again", m.Write(data+4096, []byte{1}), nil)
	check("map anew", m.Map(data, 8192, Read|Write), nil)
	if b, _ := m.View(data, 8192); !bytes.Equal(b, make([]byte, 8192)) {
		t.Error("a new mapping is not zero")
	}
	if m.Pages() != 1 {
		t.Errorf("%d pages after mapping anew, want only the code's", m.Pages())
	}
}

func TestCString(t *testing.T) {
	m := newMemory(t, 10)
	if err := m.Write(at, []byte("short\x00rest")); err != nil {
		t.Fatal(err)
	}
	top := m.Size() - 4
	if err := m.Write(top, []byte("wxyz")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		addr  uint64
		limit int
		want  string
		ok    bool
	}{
		{at, 100, "short", true},
		{at, 5, "short", true},
		{at, 3, "sho", true},
		{at + 5, 100, "", true},
		{top, 4, "wxyz", true},
		{top, 5, "", false},
		{0, 5, "", false},
		{1 << 40, 5, "", false},
	}
	for _, tt := range tests {
		got, err := m.CString(tt.addr, tt.limit)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("at %#x limit %d: %q, %v", tt.addr, tt.limit, got, err)
		}
	}
}

// TestResetMany dirties more pages than are copied one by one.
func TestResetMany(t *testing.T) {
	m, err := New(1<<24, 1<<24)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Write(at, bytes.Repeat([]byte("image"), 5000)); err != nil {
		t.Fatal(err)
	}
	im, err := m.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	f, err := im.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for round := range 3 {
		if err := f.Write(at, bytes.Repeat([]byte("secret"), 1<<20)); err != nil {
			t.Fatal(err)
		}
		if f.Dirty() <= dropAbove {
			t.Fatalf("only %d dirty pages", f.Dirty())
		}
		f.Reset()
		x, _ := f.View(GuardSize, f.Size()-GuardSize)
		y, _ := m.View(GuardSize, m.Size()-GuardSize)
		if !bytes.Equal(x, y) || f.Pages() != im.Pages() || f.Dirty() != 0 {
			t.Fatalf("round %d: not as the image: %d pages, %d dirty", round, f.Pages(), f.Dirty())
		}
	}
}

// TestLikeModel compares a memory with a plain array and per-page flags.
func TestLikeModel(t *testing.T) {
	const pages = 64
	r := rand.New(rand.NewPCG(3, 4))
	m := newMemory(t, 1000)
	model := make([]byte, (at>>PageShift+pages+8)<<PageShift)
	readOnly := make(map[uint64]bool)
	for step := range 20000 {
		addr := at + uint64(r.IntN(pages*PageSize))
		n := uint64(r.IntN(3 * PageSize))
		first, end := addr>>PageShift, (addr+n+PageSize-1)>>PageShift
		if n == 0 {
			end = first
		}
		switch op := r.IntN(6); op {
		case 0, 1:
			denied := false
			for p := first; p < end; p++ {
				denied = denied || readOnly[p]
			}
			src := bytes.Repeat([]byte{byte(step)}, int(n))
			if err := m.Write(addr, src); (err != nil) != denied {
				t.Fatalf("step %d: write %#x+%#x: %v", step, addr, n, err)
			} else if err == nil {
				copy(model[addr:], src)
			}
		case 2, 3:
			prot := uint8(Read)
			if op == 3 {
				prot |= Write
			}
			if err := m.Protect(addr, n, prot); err != nil {
				t.Fatal(err)
			}
			for p := first; p < end; p++ {
				readOnly[p] = op == 2
			}
		default:
			var err error
			if op == 4 {
				err = m.Map(addr, n, Read|Write)
			} else {
				err = m.Unmap(addr, n)
			}
			if err != nil {
				t.Fatal(err)
			}
			clear(model[first<<PageShift : end<<PageShift])
			for p := first; p < end; p++ {
				delete(readOnly, p)
			}
		}
	}
	got, err := m.View(at, uint64(len(model))-at)
	if err != nil || !bytes.Equal(got, model[at:]) {
		t.Errorf("memory differs from the model: %v", err)
	}
	count := 0
	for _, a := range m.Attrs() {
		if a&mapped != 0 {
			count++
		}
	}
	if count != m.Pages() {
		t.Errorf("%d pages are mapped, %d counted", count, m.Pages())
	}
}

// TestForksShareNoLine checks the sizes that keep what two forks write to out of
// the same cache line.
func TestForksShareNoLine(t *testing.T) {
	for name, size := range map[string]uintptr{
		"mapping": unsafe.Sizeof(mapping{}), "memory": unsafe.Sizeof(Memory{}), "list": 4 * fewDirty,
	} {
		if size%64 != 0 {
			t.Errorf("%s has %d bytes", name, size)
		}
	}
}

func TestClose(t *testing.T) {
	m, err := New(1<<20, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	m.Close()
	if k, _ := kindOf(m.Write(at, []byte{1})); k != Closed {
		t.Error("a closed memory was written")
	}
	if _, err := m.Freeze(); err == nil {
		t.Error("a closed memory was frozen")
	}
	if _, err := New(MaxSpace+1, 0); err == nil {
		t.Error("a space beyond the maximum was reserved")
	}
}

// TestAllow: stores of the program stop at the page that there is no leave for,
// before anything of it happens; what the host writes does not, but counts.
func TestAllow(t *testing.T) {
	m, err := New(1<<20, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	im, err := m.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	f, err := im.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Allow(2)
	for p := uint64(1); p <= 2; p++ {
		if e := f.Store(p<<PageShift, 1, 8); e != nil {
			t.Fatal(e)
		}
	}
	if e := f.Store(2<<PageShift+8, 1, 8); e != nil {
		t.Errorf("a page that is paid: %v", e)
	}
	if e := f.Store(3<<PageShift-4, ^uint64(0), 8); e == nil || e.Kind != Leave || e.Addr != 3<<PageShift || f.Dirty() != 2 || f.Pages() != 2 {
		t.Errorf("the third page: %v, %d dirty, %d pages", e, f.Dirty(), f.Pages())
	}
	if f.Ready(3) {
		t.Error("it is made ready")
	}
	if _, err := f.Storable(3<<PageShift-4, 8); err == nil {
		t.Error("a span of it is")
	}
	if b, _ := f.View(3<<PageShift-4, 4); !bytes.Equal(b, make([]byte, 4)) {
		t.Errorf("half of the store happened: %x", b)
	}
	if err := f.Write(5<<PageShift, []byte{1}); err != nil || f.Dirty() != 3 {
		t.Errorf("the host writes: %v, %d dirty", err, f.Dirty())
	}
	f.Allow(1)
	if e := f.Store(3<<PageShift, 1, 8); e != nil {
		t.Errorf("with leave: %v", e)
	}
	f.Close()
	if err := im.Attach(f); err != nil {
		t.Fatal(err)
	}
	for p := uint64(1); p < 9; p++ {
		if e := f.Store(p<<PageShift, 1, 8); e != nil {
			t.Errorf("the next fork, without Allow: %v", e)
		}
	}
}
