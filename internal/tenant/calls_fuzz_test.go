package tenant

import (
	"context"
	"encoding/binary"
	"io"
	"testing"
	"time"

	"fishplate/internal/message"
)

// bottomless is a world outside that answers everything at once, and lies.
type bottomless struct{}

func (bottomless) Fetch(*Question) (Fetched, error) { return new(lie), nil }
func (bottomless) ReadBody(p []byte, _ time.Duration) (int, error) {
	return copy(p, "a body without end "), nil
}
func (bottomless) BodyLength() int64             { return 1 << 62 }
func (bottomless) Begin(*message.Response) error { return nil }
func (bottomless) Write([]byte) error            { return nil }

// lie is an answer whose body breaks off.
type lie struct{ read int }

func (*lie) Head() (int, *message.Header, error) {
	h := new(message.Header)
	h.Add("X-Lie", "1")
	return 200, h, nil
}

func (l *lie) Read(p []byte) (int, error) {
	if l.read++; l.read > 3 {
		return 0, io.ErrUnexpectedEOF
	}
	return copy(p, "lie"), nil
}
func (*lie) Deserted() bool { return false }
func (*lie) Close()         {}

// proving has what calls are made in: a tenant's image, that of a candidate, and
// one whose machines are storage.
type proving struct{ image, shadow *image }

func newProving(t testing.TB) proving {
	tn, shadow := start(t, guestModel("hello")), start(t, guestModel("hello"))
	p := proving{tn.current.Load(), shadow.current.Load()}
	p.image.objects, p.shadow.objects, p.shadow.shadow = rack{}, rack{}, true
	return p
}

// situations are the stages, and beside them a stream that was begun, one that
// was not, and a candidate's on_recv.
const (
	inStream = int(stageNamed) + 1 + iota
	inBegunStream
	inShadow
	situations
)

// call makes one call in a situation, with what registers says in a0 to a6.
func (p proving) call(t testing.TB, n uint64, situation int, memory []byte, registers func(v *vm, i int) uint64) error {
	im, s := p.image, stage(situation)
	stream := situation == inStream || situation == inBegunStream
	switch {
	case stream:
		s = stageForge
	case situation == inShadow:
		im, s = p.shadow, stageRecv
	}
	v, err := im.take()
	if err != nil {
		t.Fatal(err)
	}
	defer im.give(v)
	if err := v.store(v.heapBase, memory); err != nil {
		t.Fatal(err)
	}
	resp := &message.Response{Status: 200}
	switch s {
	case stageStart:
		v.stage = s
	case stageStorage:
		v.role, v.stage = forStorage, s
		defer func() { v.role = forRequests }()
	default:
		v.attach(s, request("/a/b?q=1", "Cookie: a=1", "X-One: 1"), resp)
		v.outside = bottomless{}
	}
	v.flow = flow{on: stream, begun: situation == inBegunStream, resp: resp, terms: &Terms{}, left: -1}
	v.taken, v.limit = time.Now(), v.m.Instret+2_000_000
	v.pace = pacer{v: v, ctx: context.Background(), end: 1 << 62}
	for i := range 7 {
		v.m.X[10+i] = registers(v, i)
	}
	begin := time.Now()
	err = v.dispatch(&v.pace, n)
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("call %d took %v", n, took)
	}
	v.hangUp()
	return err
}

// TestCallsWithBadArguments makes every call in every situation with registers
// that mean harm: none of them brings the host down, and what they do to the
// memory of one fork, the next does not see.
func TestCallsWithBadArguments(t *testing.T) {
	p := newProving(t)
	memory := make([]byte, 4096)
	for i := 0; i < len(memory); i += 8 { // records of lengths and pointers that are both bad
		binary.LittleEndian.PutUint64(memory[i:], [...]uint64{16, 1 << 62, ^uint64(0), 64, 1 << 31, 4097}[i/8%6])
	}
	bad := []func(v *vm, i int) uint64{
		func(*vm, int) uint64 { return 0 },
		func(*vm, int) uint64 { return 16 },
		func(*vm, int) uint64 { return ^uint64(0) },
		func(*vm, int) uint64 { return 1 << 63 },
		func(*vm, int) uint64 { return 1<<31 - 1 },
		func(v *vm, i int) uint64 { return pick(i, v.heapBase, 1<<62) },
		func(v *vm, i int) uint64 { return pick(i, v.heapBase, ^uint64(0)) },
		func(v *vm, i int) uint64 { return pick(i, v.heapBase, 1<<31) },
		func(v *vm, i int) uint64 { return pick(i, v.heapBase+1, 4095) },
		func(v *vm, i int) uint64 { return pick(i, v.heapBase+uint64(3*i), 100) },
		func(v *vm, i int) uint64 { return pick(i, v.heapBase, maxBuffer) },
		func(v *vm, i int) uint64 { return pick(i, v.m.Mem.Size()-1, 2) },
		func(v *vm, i int) uint64 { return pick(i, v.m.Mem.Size(), 1) },
		func(v *vm, i int) uint64 { return pick(i, ^uint64(0)-7, 16) },
		func(v *vm, i int) uint64 { return pick(i, v.mmapEnd-8, 4096) },
		func(v *vm, i int) uint64 { return pick(i, v.stackTop-1, 4096) },
		func(v *vm, i int) uint64 { return pick(i, v.image.program.Entry, 64) }, // what may not be written
		func(v *vm, i int) uint64 { return pick(i, 64, v.heapBase) },
		func(v *vm, _ int) uint64 { return v.heapBase + 8 },
	}
	for n := range uint64(len(p.image.calls)) {
		if p.image.calls[n] == nil {
			continue
		}
		for situation := range situations {
			for _, registers := range bad {
				_ = p.call(t, n, situation, memory, registers)
			}
		}
	}
	v, err := p.image.take()
	if err != nil {
		t.Fatal(err)
	}
	defer p.image.give(v)
	if n := v.m.Mem.Dirty(); n != 0 {
		t.Errorf("a new fork has %d pages of its own", n)
	}
}

func pick(i int, even, odd uint64) uint64 {
	if i&1 == 0 {
		return even
	}
	return odd
}

// FuzzCalls makes every call in every situation with whatever registers and
// memory: nothing panics, nothing takes longer than its budget allows, and
// nothing is written outside of the machine.
func FuzzCalls(f *testing.F) {
	for n := uint16(500); n < 720; n++ {
		f.Add(n, uint8(n), []byte("\x01\x02\x00\x02"), []byte(`{"a":[1,2]} a.1 <a b="1"/>`))
	}
	for _, n := range []uint16{64, 66, 98, 134, 139, 214, 215, 216, 220, 222, 226, 233, 435} {
		f.Add(n, uint8(1), []byte("\x01\x02\x01\x04\x00\x03"), make([]byte, 256))
	}
	f.Add(uint16(531), uint8(1), []byte("\x02\x08"), []byte(`(a+)\1(?=x)`))
	f.Add(uint16(0), uint8(0), []byte{}, []byte{})
	p := newProving(f)
	f.Fuzz(func(t *testing.T, n uint16, where uint8, regs, memory []byte) {
		if len(memory) > 1<<16 {
			return
		}
		_ = p.call(t, uint64(n)%800, int(where)%situations, memory, func(v *vm, i int) uint64 {
			if 2*i+1 >= len(regs) {
				return 0
			}
			// A register is small, in the memory, near the ends of things, or anything.
			x := uint64(regs[2*i+1])
			switch regs[2*i] % 9 {
			case 0:
				return x
			case 1, 2:
				return v.heapBase + x*4
			case 3:
				return uint64(len(memory))
			case 4:
				return ^uint64(0) - x
			case 5:
				return v.m.Mem.Size() - x
			case 6:
				return 1<<31 - 128 + x
			case 7:
				return v.mmapBase + x<<12
			}
			var b [8]byte
			copy(b[:], regs[2*i+1:])
			return binary.LittleEndian.Uint64(b[:])
		})
	})
}
