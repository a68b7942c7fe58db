package jit

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/riscv/interp"
	"fishplate/riscv/isa"
)

// Bounds of a Cache.
const (
	DefaultLimit = 16 << 20  // bytes of generated code for one program
	maxText      = 256 << 20 // span of guest code that is covered
	room         = 256 << 10 // free bytes without which nothing more is translated
	hotVisits    = 8         // how often an address is asked for before it is translated
	againVisits  = 255       // the same where the address lies within a region already
	soloEntry    = 1         // table entry for an instruction that only the interpreter knows
)

// ErrUnsupported says that this processor or system cannot run generated code.
var ErrUnsupported = errors.New("no generated code on this machine")

// exitKind says what Run has to do.
type exitKind uint8

const (
	exitMiss  exitKind = iota // go on at Native.Next
	exitLink                  // go on at pc, and let slot lead there
	exitLow                   // the fuel does not suffice for the block at pc
	exitRest                  // interpret from pc to the end of the block
	exitTouch                 // as exitRest, but the page Native.Next may be made ready: then go on at slot
)

// exit is what is known about one way out of generated code.
type exit struct {
	pc   uint64
	kind exitKind
	undo uint16 // instructions that were charged and not executed
	slot int32  // offset of the pointer to set, for exitLink; of code, for exitTouch
}

// Stats tells what has been translated.
type Stats struct {
	Regions      int           // translations
	Instructions int           // guest instructions in them
	Bytes        int           // of generated code
	Limit        int           // of generated code
	Time         time.Duration // spent translating
	Full         bool          // the limit was reached: the rest is interpreted
}

// Cache is the generated code of one program.
type Cache struct {
	regions []interp.Region
	decode  func(uint32) isa.Inst
	narrow  bool   // RV32
	base    uint64 // of the table
	length  uint64
	table   []byte // 4 bytes for every halfword of guest code: offset of its code, 0 for none
	text    text
	exits   atomic.Pointer[[]exit]
	full    atomic.Bool // nothing more is translated

	mu     sync.Mutex
	visits []byte   // for every halfword of guest code, how often it was asked for
	inside []uint64 // a bit for every halfword where a translated instruction begins
	slots  int      // offset of the lowest slot; they grow down from the end
	emit   *emitter
	stats  Stats
}

// workspace is what a translation needs and leaves behind. All caches share a
// few, so that a program which is rarely translated holds none.
type workspace struct {
	finder  finder
	scratch scratch
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// New makes a cache for the code in regions, of at most limit bytes of generated
// code. The error says why there can be none.
func New(regions []interp.Region, narrow bool, limit int) (*Cache, error) {
	if why := supported(); why != nil {
		return nil, why
	}
	c := &Cache{regions: regions, narrow: narrow, decode: isa.Decode}
	if narrow {
		c.decode = isa.Decode32
	}
	if err := c.span(); err != nil {
		return nil, err
	}
	t, err := newText(limit)
	if err != nil {
		return nil, err
	}
	half := int(c.length) / 2
	table, err := reserve(4*half + 8 + half)
	if err != nil {
		t.close()
		return nil, err
	}
	c.text, c.table, c.visits = t, table, table[4*half+8:]
	c.inside = make([]uint64, c.length/128+1)
	c.slots = len(t.write) &^ 7
	c.stats.Limit = len(t.write)
	c.emit = newEmitter(c)
	return c, nil
}

// span finds the range of addresses that the table covers.
func (c *Cache) span() error {
	var end uint64
	c.base = ^uint64(0)
	for _, r := range c.regions {
		c.base = min(c.base, r.Addr&^1)
		end = max(end, r.Addr+uint64(len(r.Bytes)))
	}
	if len(c.regions) == 0 || end-c.base > maxText || end > math.MaxInt32 {
		return fmt.Errorf("%w: code from %#x to %#x; it must lie below 2 GiB and within %d MiB", ErrUnsupported, c.base, end, maxText>>20)
	}
	c.length = (end - c.base + 1) &^ 1
	return nil
}

// Close gives the memory back. No machine may run the program any more.
func (c *Cache) Close() {
	c.text.close()
	release(c.table)
}

// Stats returns what has been done so far.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// read decodes the instruction at pc, if all of it is code.
func (c *Cache) read(pc uint64) (isa.Inst, bool) {
	for i := range c.regions {
		r := &c.regions[i]
		at := pc - r.Addr
		if at >= uint64(len(r.Bytes)) {
			continue
		}
		b := r.Bytes[at:]
		if pc&1 != 0 || len(b) < 2 {
			return isa.Inst{}, false
		}
		w := uint32(b[0]) | uint32(b[1])<<8
		if isa.Size(uint16(w)) == 4 {
			if len(b) < 4 {
				return isa.Inst{}, false
			}
			w |= uint32(b[2])<<16 | uint32(b[3])<<24
		}
		return c.decode(w), true
	}
	return isa.Inst{}, false
}

// place returns the table entry of pc, nil if there cannot be one.
func (c *Cache) place(pc uint64) *atomic.Uint32 {
	at := pc - c.base
	if pc&1 != 0 || at >= c.length {
		return nil
	}
	return tableEntry(c.table, at*2)
}

// entry returns the offset of the code for pc, translating it if it is asked
// for often enough; 0 when the interpreter has to go on.
func (c *Cache) entry(pc uint64) uint32 {
	p := c.place(pc)
	if p == nil {
		return 0
	}
	switch at := p.Load(); at {
	case 0:
	case soloEntry:
		return 0
	default:
		return at
	}
	if c.full.Load() {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := p.Load(); at > soloEntry {
		return at
	}
	i := (pc - c.base) / 2
	limit := byte(hotVisits)
	if c.inside[i/64]>>(i%64)&1 != 0 {
		limit = againVisits // the end of its block will do, most times
	}
	if c.visits[i] < limit-1 {
		c.visits[i]++
		return 0
	}
	return c.translate(pc)
}

// translate generates the region at pc. The mutex is held.
func (c *Cache) translate(pc uint64) uint32 {
	if len(c.emit.a.Out)+room > c.slots {
		c.stats.Full = true
		c.full.Store(true)
		return 0
	}
	if d, ok := c.read(pc); !ok || !Covers(d.Op) {
		c.place(pc).Store(soloEntry)
		return 0
	}
	begin := time.Now()
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	r := w.finder.find(pc, c.read)
	c.emit.use(&w.scratch)
	c.emit.region(r)
	w.scratch = c.emit.giveBack()
	for i := range r.insts {
		k := (r.insts[i].pc - c.base) / 2
		c.inside[k/64] |= 1 << (k % 64)
	}
	c.stats.Regions++
	c.stats.Instructions += len(r.insts)
	c.stats.Bytes = len(c.emit.a.Out) + len(c.text.write) - c.slots
	c.stats.Time += time.Since(begin)
	return c.place(pc).Load()
}

// newSlot reserves a pointer in the text that leads to the offset at.
func (c *Cache) newSlot(at int) int {
	c.slots -= 8
	c.setSlot(c.slots, at)
	return c.slots
}

func (c *Cache) setSlot(slot, at int) {
	slotPointer(c.text.write, slot).Store(uint64(c.text.exec) + uint64(at))
}

// publish adds the exits of a region, which must happen before its code can be
// reached.
func (c *Cache) publish(list []exit) {
	all := *c.exits.Load()
	all = append(all, list...)
	c.exits.Store(&all)
}
