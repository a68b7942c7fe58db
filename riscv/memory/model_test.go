package memory

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

// modelPages is how many pages the model looks at; code and data lie in between.
const modelPages = 48

// model is a memory as a table: slow, and too simple to be wrong.
type model struct {
	pages map[uint64]*modelPage // those that exist
	prot  map[uint64]uint8      // by page, where Map or Protect said something
	limit int
}

type modelPage struct {
	data [PageSize]byte
	prot uint8
}

func (m *model) clone() *model {
	c := &model{make(map[uint64]*modelPage), maps.Clone(m.prot), m.limit}
	for p, g := range m.pages {
		page := *g
		c.pages[p] = &page
	}
	return c
}

// protOf returns the protection of a page, whether it exists or not.
func (m *model) protOf(p uint64) uint8 {
	if g, ok := m.pages[p]; ok {
		return g.prot
	}
	if prot, ok := m.prot[p]; ok {
		return prot
	}
	return Read | Write
}

func (m *model) code(first, end uint64) (some, all bool) {
	all = true
	for p := first; p < end; p++ {
		is := m.protOf(p)&Exec != 0
		some, all = some || is, all && is
	}
	return some, all
}

// ready lets page p be written to, as a store would.
func (m *model) ready(p uint64) Kind {
	prot := m.protOf(p)
	switch _, ok := m.pages[p]; {
	case p == 0 || p >= modelPages || prot&Write == 0:
		return Denied
	case ok:
	case len(m.pages) >= m.limit:
		return Limit
	default:
		m.pages[p] = &modelPage{prot: prot}
	}
	return 0
}

// write tries to write src, all or nothing. It returns the kind of error. Pages
// before the one that refuses come into being.
func (m *model) write(addr uint64, src []byte) Kind {
	if addr < GuardSize {
		return Denied
	}
	for p := addr >> PageShift; p < (addr+uint64(len(src))+PageSize-1)>>PageShift && len(src) > 0; p++ {
		if k := m.ready(p); k != 0 {
			return k
		}
	}
	for i, b := range src {
		a := addr + uint64(i)
		m.pages[a>>PageShift].data[a&(PageSize-1)] = b
	}
	return 0
}

func (m *model) vacate(first, end uint64) {
	for p := first; p < end; p++ {
		delete(m.pages, p)
	}
}

// history runs operations read from script on a memory and on a model and
// compares them after each. It returns what went wrong.
func history(script []byte) (err error) {
	const size, limit = modelPages << PageShift, 24
	mem, err := New(size, limit<<PageShift)
	if err != nil {
		return err
	}
	twin := &model{map[uint64]*modelPage{}, map[uint64]uint8{}, limit}
	if err := load(mem, twin); err != nil {
		return err
	}
	h := &chronicle{mem: mem, twin: twin, script: script}
	defer func() {
		h.mem.Close()
		for _, im := range h.images {
			im.Close()
		}
	}()
	for len(h.script) > 0 {
		name, err := h.step()
		if err == nil {
			err = h.compare()
		}
		if err != nil {
			return fmt.Errorf("%s, %d bytes before the end: %w", name, len(h.script), err)
		}
	}
	return nil
}

// load gives both a segment of code, one of data, and a read-only one.
func load(mem *Memory, twin *model) error {
	for _, s := range []struct {
		first, n uint64
		prot     uint8
	}{{16, 2, Read | Exec}, {18, 3, Read | Write}, {30, 1, Read}} {
		data := bytes.Repeat([]byte{byte(s.first)}, int(s.n)<<PageShift)
		if err := mem.LoadSegment(s.first<<PageShift, s.n<<PageShift, s.prot, data); err != nil {
			return err
		}
		for p := s.first; p < s.first+s.n; p++ {
			twin.pages[p] = &modelPage{[PageSize]byte(data[:PageSize]), s.prot}
			twin.prot[p] = s.prot
		}
	}
	return nil
}

// chronicle is a history in the making: a memory, its model, and what both return to.
type chronicle struct {
	mem    *Memory
	twin   *model
	start  *model // of the image that mem is a fork of; nil when it is none
	images []*Image
	script []byte
}

// next takes a number below n from the script.
func (h *chronicle) next(n int) uint64 {
	if len(h.script) == 0 {
		return 0
	}
	b := h.script[0]
	h.script = h.script[1:]
	return uint64(int(b) % n)
}

// step performs the next operation of the script on both.
func (h *chronicle) step() (name string, err error) {
	op, p, n := h.next(14), h.next(modelPages), h.next(6)
	n = min(n, modelPages-p)
	addr, end := p<<PageShift, p+n
	code, all := h.twin.code(p, end)
	refused := p == 0
	check := func(err error) error {
		if (err != nil) != refused {
			return fmt.Errorf("page %d+%d: %v", p, n, err)
		}
		return nil
	}
	switch op {
	case 0, 1, 2:
		off := h.next(256) * 16
		src := bytes.Repeat([]byte{byte(len(h.script) + 1)}, int(min(n*1500, (modelPages-p)<<PageShift-off)))
		want := h.twin.write(addr+off, src)
		if got, _ := kindOf(h.mem.Write(addr+off, src)); got != want {
			return "write", fmt.Errorf("kind %d, want %d", got, want)
		}
		return "write", nil
	case 3, 4:
		off := h.next(3) * 4093 % PageSize
		v := uint64(byte(len(h.script))) * 0x0101010101010101
		want := h.twin.write(addr+off, bytes.Repeat([]byte{byte(v)}, 8))
		got := Kind(0)
		if e := h.mem.Store(addr+off, v, 8); e != nil {
			got = e.Kind
		}
		if got != want {
			return "store", fmt.Errorf("at page %d+%#x: kind %d, want %d", p, off, got, want)
		}
		return "store", nil
	case 5:
		prot := uint8(h.next(8))
		refused = refused || prot&Exec != 0 || code
		if err := check(h.mem.Map(addr, n<<PageShift, prot)); err != nil || refused {
			return "map", err
		}
		h.twin.vacate(p, end)
		for ; p < end; p++ {
			h.twin.prot[p] = prot
		}
		return "map", nil
	case 6:
		refused = refused || code
		if err := check(h.mem.Unmap(addr, n<<PageShift)); err != nil || refused {
			return "unmap", err
		}
		h.twin.vacate(p, end)
		for ; p < end; p++ {
			delete(h.twin.prot, p)
		}
		return "unmap", nil
	case 7:
		refused = refused || code
		if err := check(h.mem.Discard(addr, n<<PageShift)); err != nil || refused {
			return "discard", err
		}
		h.twin.vacate(p, end)
		return "discard", nil
	case 8:
		prot := uint8(h.next(8))
		isCode := prot&Exec != 0
		refused = refused || isCode && (prot&Write != 0 || !all) || !isCode && code
		if err := check(h.mem.Protect(addr, n<<PageShift, prot)); err != nil || refused || isCode {
			return "protect", err
		}
		for ; p < end; p++ {
			h.twin.prot[p] = prot
			if g, ok := h.twin.pages[p]; ok {
				g.prot = prot
			}
		}
		return "protect", nil
	case 9:
		return "move", h.move(p, n)
	case 10:
		return "zero", h.zero(addr+h.next(256)*16, n*1500)
	case 11:
		h.mem.Reset()
		if h.start != nil {
			h.twin = h.start.clone()
		}
		return "reset", nil
	case 12:
		h.mem.Park()
		return "park", nil
	default:
		return "fork", h.fork(p%2 == 0)
	}
}

func (h *chronicle) move(p, n uint64) error {
	to := h.next(modelPages)
	n = min(n, modelPages-to)
	a, _ := h.twin.code(p, p+n)
	b, _ := h.twin.code(to, to+n)
	refused := p == 0 || to == 0 || a || b || p < to+n && to < p+n
	err := h.mem.Move(p<<PageShift, to<<PageShift, n<<PageShift)
	if (err != nil) != refused {
		return fmt.Errorf("pages %d+%d to %d: %v", p, n, to, err)
	}
	if refused {
		return nil
	}
	h.twin.vacate(to, to+n)
	for i := range n {
		delete(h.twin.prot, to+i)
		if prot, ok := h.twin.prot[p+i]; ok {
			h.twin.prot[to+i] = prot
		}
		if g, ok := h.twin.pages[p+i]; ok {
			h.twin.pages[to+i] = g
		}
		delete(h.twin.prot, p+i)
	}
	h.twin.vacate(p, p+n)
	return nil
}

// zero clears what exists and is refused where something is not writable.
func (h *chronicle) zero(addr, n uint64) error {
	n = min(n, modelPages<<PageShift-addr)
	want := Kind(0)
	if addr < GuardSize {
		want = Denied
	}
	for a := addr; want == 0 && a < addr+n; a++ {
		p := a >> PageShift
		g, ok := h.twin.pages[p]
		if h.twin.protOf(p)&Write == 0 {
			want = Denied
		} else if ok {
			g.data[a&(PageSize-1)] = 0
		}
	}
	if got, _ := kindOf(h.mem.Zero(addr, n)); got != want {
		return fmt.Errorf("%#x+%#x: kind %d, want %d", addr, n, got, want)
	}
	return nil
}

// fork goes on with another fork of the same image, or with one of an image of
// the present memory.
func (h *chronicle) fork(again bool) error {
	if again && h.start != nil {
		h.twin = h.start.clone()
	} else {
		im, err := h.mem.Freeze()
		if err != nil {
			return err
		}
		h.images = append(h.images, im)
		h.start = h.twin.clone()
	}
	h.mem.Close()
	if again { // by the same object, as a pool of machines has it
		return h.images[len(h.images)-1].Attach(h.mem)
	}
	var err error
	h.mem, err = h.images[len(h.images)-1].Fork()
	return err
}

// compare looks at everything that can be seen of the memory.
func (h *chronicle) compare() error {
	if h.mem.Pages() != len(h.twin.pages) {
		return fmt.Errorf("%d pages, want %d", h.mem.Pages(), len(h.twin.pages))
	}
	if h.mem.Parked() {
		return nil // whatever looks would wake it
	}
	all, err := h.mem.View(GuardSize, h.mem.Size()-GuardSize)
	if err != nil {
		return err
	}
	count := 0
	for p := uint64(1); p < modelPages; p++ {
		if h.mem.Attrs()[p]&dirty != 0 {
			count++
		}
		g, ok := h.twin.pages[p]
		if !ok {
			g = new(modelPage)
		}
		if !bytes.Equal(all[(p-1)<<PageShift:p<<PageShift], g.data[:]) {
			return fmt.Errorf("contents of page %d differ", p)
		}
		a := h.mem.Attrs()[p]
		if exists := a&mapped != 0; exists != ok || ok && a&protection != g.prot {
			return fmt.Errorf("page %d has attributes %#x, want existence %v and protection %#x", p, a, ok, g.prot)
		}
		if needed := byte(Write | mapped | dirty | owned); a&Fast != 0 && a&needed != needed {
			return fmt.Errorf("page %d may be stored to directly with attributes %#x", p, a)
		}
		if prot := h.mem.regions.at(p); prot != h.regionOf(p) {
			return fmt.Errorf("page %d lies in a region of protection %#x, want %#x", p, prot, h.regionOf(p))
		}
	}
	if h.mem.Dirty() != count {
		return fmt.Errorf("%d pages are listed, %d marked", h.mem.Dirty(), count)
	}
	return h.apart()
}

func (h *chronicle) regionOf(p uint64) uint8 {
	if prot, ok := h.twin.prot[p]; ok {
		return prot
	}
	return Read | Write
}

// apart checks that regions are sorted, apart, and not to be merged.
func (h *chronicle) apart() error {
	list := h.mem.regions.list
	for i, g := range list {
		if g.first >= g.end || i > 0 && (g.first < list[i-1].end || g.first == list[i-1].end && g.prot == list[i-1].prot) {
			return fmt.Errorf("regions %v", list)
		}
	}
	return nil
}

func TestHistories(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 7))
		script := make([]byte, 400)
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		if err := history(script); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func FuzzMemory(f *testing.F) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 11))
		script := make([]byte, 20<<seed/4)
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if err := history(script[:min(len(script), 2000)]); err != nil {
			t.Error(err)
		}
	})
}

// TestRegionsAreBounded maps in more pieces than the host keeps.
func TestRegionsAreBounded(t *testing.T) {
	m, err := New(4*maxRegions*PageSize, PageSize)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for p := uint64(1); err == nil; p += 2 {
		if p/2 > maxRegions {
			t.Fatal("there is no bound")
		}
		err = m.Map(p<<PageShift, PageSize, 0)
	}
	if !errors.Is(err, errRegions) || len(m.regions.list) > maxRegions {
		t.Errorf("%v with %d regions", err, len(m.regions.list))
	}
}
