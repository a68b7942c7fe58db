package tenant

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"fishplate/internal/message"
)

// FuzzCalls makes every call in every stage with whatever registers and memory:
// nothing panics, nothing takes longer than its budget allows, and nothing is
// written outside of the machine.
func FuzzCalls(f *testing.F) {
	for n := uint16(500); n < 720; n++ {
		f.Add(n, uint8(1), []byte("\x01\x02\x00\x02"), []byte(`{"a":[1,2]} a.1 <a b="1"/>`))
	}
	f.Add(uint16(531), uint8(1), []byte("\x02\x08"), []byte(`(a+)\1(?=x)`))
	f.Add(uint16(0), uint8(0), []byte{}, []byte{})
	tn := start(f, guestModel("hello"))
	im := tn.current.Load()
	im.objects = rack{}
	stages := []stage{stageStart, stageRecv, stageForge, stageSynth, stageDeliver, stageHash, stageResponse}
	f.Fuzz(func(t *testing.T, n uint16, where uint8, regs, memory []byte) {
		if len(memory) > 1<<16 {
			return
		}
		req := request("/a/b?q=1", "Cookie: a=1", "X-One: 1")
		resp := &message.Response{Status: 200}
		v, err := im.take()
		if err != nil {
			t.Fatal(err)
		}
		defer im.give(v)
		base := v.heapBase
		if err := v.store(base, memory); err != nil {
			t.Fatal(err)
		}
		s := stages[int(where)%len(stages)]
		if s == stageStart {
			v.stage = s
		} else {
			v.attach(s, req, resp)
		}
		v.taken, v.limit = time.Now(), v.m.Instret+2_000_000
		v.pace = pacer{v: v, ctx: context.Background(), end: 1 << 62}
		// A register is small, in the memory, near the ends of things, or anything.
		for i := 0; i+1 < len(regs) && i < 14; i += 2 {
			x := uint64(regs[i+1])
			switch regs[i] % 8 {
			case 0:
			case 1, 2:
				x = base + x*4
			case 3:
				x = uint64(len(memory))
			case 4:
				x = ^uint64(0) - x
			case 5:
				x = v.m.Mem.Size() - x
			case 6:
				x = 1<<31 - 128 + x
			default:
				var b [8]byte
				copy(b[:], regs[i+1:])
				x = binary.LittleEndian.Uint64(b[:])
			}
			v.m.X[10+i/2] = x
		}
		begin := time.Now()
		_ = v.dispatch(&v.pace, uint64(n)%800)
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("call %d took %v", n%800, took)
		}
	})
}
