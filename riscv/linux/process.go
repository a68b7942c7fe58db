package linux

import (
	"context"
	"io"
	"io/fs"
	"time"

	"fishplate/riscv"
	"fishplate/riscv/files"
	"fishplate/riscv/layout"
	"fishplate/riscv/tape"
)

// Config is what a process gets from outside. The zero value is a program
// without arguments, input, output or files, on the host's clock.
type Config struct {
	Args     []string // Args[0] is the program's name
	Env      []string // "NAME=value"
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
	Terminal [3]bool // which of the three streams answer isatty with yes
	Files    fs.FS   // what openat finds below "/", to be read only; nil is nothing

	// Clock tells the time; nil is the host's. With a Clock of its own the
	// process never waits: sleeping moves its time forward instead.
	Clock func() time.Time
	// Seed makes getrandom and AT_RANDOM repeatable; nil is real randomness.
	Seed []byte

	// Record gets what the process learned from outside (input, time, random
	// bytes), and Replay gives it again, so that a run can be repeated exactly:
	// with the same program, arguments and environment, and whatever Stdin, Clock
	// and Seed are then. One of the two at a time.
	Record io.Writer
	Replay io.Reader

	Trace     io.Writer // a line for each system call, as strace writes them; nil is none
	StackSize uint64    // bytes; 0 is 8 MiB, or an eighth of the memory limit if that is less
}

// Stopped says why a process is no longer running.
type Stopped string

// The reasons. They are the words of "fishplate guest run --json".
const (
	StoppedExit   Stopped = "exit"   // it ended by itself, or by a signal that it sent itself
	StoppedBudget Stopped = "budget" // the fuel is used up; Run may be called again
	StoppedFault  Stopped = "fault"  // see Exit.Fault, or Reason where that is nil
	StoppedMemory Stopped = "memory" // it needed more pages than the machine may have
)

// Status is how a run ended.
type Status struct {
	Exited  bool
	Code    int // the exit status; 128 + Signal when a signal ended it
	Signal  int // 0, or the signal that ended it
	Stopped Stopped
	Reason  string     // in words, when it did not end by itself
	Exit    riscv.Exit // the last exit of the machine
}

// Process is a program with its system calls. Its machine's registers and
// memory may be looked at and changed between runs.
type Process struct {
	Machine *riscv.Machine

	config  Config
	word    int // bytes of a long and a pointer: 8, or 4 on RV32
	space   layout.Space
	files   files.Table
	clock   clock
	random  random
	signals signals
	limits  [16][2]uint64
	tape    *tape.Tape
	refused map[string]int
	done    <-chan struct{} // of Run's context
	resumed bool            // the call has set all registers itself
	ended   *Status         // nil while it runs
}

// slice is how many instructions run between two looks at the context.
const slice = 1 << 20

// Run executes until the program ends, faults, or has used fuel instructions;
// 0 is no limit. The error is the context's, or that of a recording; after the
// context's the process can go on.
func (p *Process) Run(ctx context.Context, fuel uint64) (Status, error) {
	m := p.Machine
	p.done = ctx.Done()
	end := m.Instret + fuel
	if fuel == 0 || end < m.Instret {
		end = ^uint64(0)
	}
	for p.ended == nil {
		if err := p.tape.Err(); err != nil {
			return Status{}, err
		}
		if ctx.Err() != nil {
			return Status{}, context.Cause(ctx)
		}
		if m.Instret >= end {
			return Status{Stopped: StoppedBudget, Reason: "the budget is used up", Exit: riscv.Exit{Kind: riscv.Budget}}, nil
		}
		if e := m.Run(min(slice, end-m.Instret)); e.Kind != riscv.Budget {
			p.Handle(e)
		}
	}
	return *p.ended, p.tape.Err()
}

// Status is how the process ended; its Stopped is empty while it has not.
func (p *Process) Status() Status {
	if p.ended == nil {
		return Status{}
	}
	return *p.ended
}

// Handle does what a kernel does after an exit of the machine: it serves a
// call, delivers a fault to the program's handler of the signal, or ends the
// process. It reports whether the process has ended. For those who run or step
// the machine themselves; an exit of kind Budget is nothing to it.
func (p *Process) Handle(e riscv.Exit) (ended bool) {
	switch {
	case p.ended != nil || e.Kind == riscv.Budget:
	case e.Kind == riscv.Call:
		return p.Call()
	case e.Kind == riscv.Faulted && p.atTrampoline(e.Fault):
		p.sigreturn()
	case e.Kind == riscv.Faulted && e.Fault.Kind == riscv.MemoryLimit:
		p.ended = &Status{Stopped: StoppedMemory, Reason: e.Fault.Error(), Exit: e}
	case !p.deliverFault(e):
		p.ended = &Status{Stopped: StoppedFault, Reason: reason(e), Exit: e}
	}
	return p.ended != nil
}

// reason says in words why an exit ends a process.
func reason(e riscv.Exit) string {
	if e.Fault != nil {
		return e.Fault.Error()
	}
	return map[riscv.ExitKind]string{
		riscv.Break:  "ebreak without a handler of SIGTRAP",
		riscv.Stop:   "a stop instruction, which means nothing to a Linux program",
		riscv.Custom: "a custom instruction, which means nothing to a Linux program",
	}[e.Kind]
}

// Call serves the system call that the machine stands at, after an exit of kind
// Call, and moves PC past it. It reports whether the process has ended; then PC
// stays at the call.
func (p *Process) Call() (done bool) {
	if p.ended != nil {
		return true
	}
	m := p.Machine
	var a args
	for i := range a {
		a[i] = m.X[10+i]
		if p.word == 4 {
			a[i] = uint64(uint32(a[i]))
		}
	}
	number := m.X[17]
	row := lookup(number, p.word)
	value, e := p.dispatch(number, row, &a)
	p.trace(number, row, &a, value, e)
	switch {
	case p.ended != nil:
		return true
	case p.resumed:
		p.resumed = false
		return false
	case e != 0:
		value = -uint64(e)
	}
	m.X[10] = p.extend(value)
	m.SkipCall()
	p.deliverPending()
	return p.ended != nil
}

// dispatch serves one call, or takes its effects from the recording.
func (p *Process) dispatch(number uint64, r *row, a *args) (uint64, Errno) {
	if r == nil {
		p.refuse("call " + decimal(number))
		return 0, ENOSYS
	}
	if !r.outside {
		return r.serve(p, a)
	}
	if p.tape.Playing() {
		value, e := p.play(number)
		if e == EDEADLK {
			return p.hang(r.name + " waits for ever, as it was recorded")
		}
		return value, e
	}
	p.tape.Begin(p.Machine.Instret)
	value, e := r.serve(p, a)
	p.tape.End(tape.Entry{Number: number, Value: value, Errno: uint64(e)}, p.Machine.Instret)
	return value, e
}

// maxRefused bounds the names that refuse remembers: the numbers are the
// program's choice.
const maxRefused = 100

// refuse counts a call that is not served.
func (p *Process) refuse(name string) {
	if p.refused == nil {
		p.refused = make(map[string]int)
	}
	if _, known := p.refused[name]; !known && len(p.refused) >= maxRefused {
		name = "others"
	}
	p.refused[name]++
}

// Refused counts, by name, the calls that were answered with ENOSYS because
// this package does not serve them. The map is the caller's.
func (p *Process) Refused() map[string]int {
	counts := make(map[string]int, len(p.refused))
	for name, n := range p.refused {
		counts[name] = n
	}
	return counts
}

// extend gives a value the form that a register has: on RV32 32 bits,
// sign-extended.
func (p *Process) extend(v uint64) uint64 {
	if p.word == 4 {
		return uint64(int64(int32(v)))
	}
	return v
}

// hang ends a process that waits for what can never happen: there is no other
// thread, and nobody sends it a signal.
func (p *Process) hang(what string) (uint64, Errno) {
	p.ended = &Status{Stopped: StoppedFault, Reason: "deadlock: " + what, Exit: riscv.Exit{Kind: riscv.Call}}
	return 0, EDEADLK
}
