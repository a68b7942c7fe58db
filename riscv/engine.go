package riscv

import (
	"runtime"
	"sync"
	"sync/atomic"

	"fishplate/riscv/jit"
)

// JIT says whether a machine may translate its program to code of the host.
// Both ways compute the same, instruction for instruction.
type JIT uint8

// The choices of Options.JIT.
const (
	JITAuto JIT = iota // translate what is used often, where the host allows it
	JITOff             // interpret everything
)

// JITStats tells what has been translated of a program; see riscv/jit.
type JITStats = jit.Stats

// translation is the generated code of a program, made when it is first wanted.
type translation struct {
	once  sync.Once
	cache *jit.Cache
	why   error       // why there is none
	made  atomic.Bool // once is over
}

// translator returns the generated code of the program, or why there is none.
// The memory is given back when the collector takes the program, which every
// machine holds.
func (p *Program) translator() (*jit.Cache, error) {
	t := &p.native
	t.once.Do(func() {
		if t.cache, t.why = jit.New(p.code.Raw(), p.XLEN() == 32, jit.DefaultLimit); t.why == nil {
			runtime.AddCleanup(p, func(c *jit.Cache) { c.Close() }, t.cache)
		}
		t.made.Store(true)
	})
	return t.cache, t.why
}

// JITStats returns what has been translated so far.
func (p *Program) JITStats() JITStats {
	t := &p.native
	if !t.made.Load() || t.why != nil {
		return JITStats{}
	}
	return t.cache.Stats()
}

// Engine says how the machine executes: "jit amd64", or "interpreter" and why.
func (m *Machine) Engine() string {
	if m.native != nil {
		return "jit " + runtime.GOARCH
	}
	if t := &m.program.native; t.made.Load() && t.why != nil {
		return "interpreter: " + t.why.Error()
	}
	return "interpreter"
}
