package linux

import (
	"context"
	"errors"
	"io"
	"time"

	"fishplate/riscv"
)

// Config is what a process gets from outside. The zero value is a program
// without arguments, input or output, on the host's clock.
type Config struct {
	Args   []string // Args[0] is the program's name
	Env    []string // "NAME=value"
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer

	// Clock tells the time; nil is the host's. With a Clock of its own the
	// process never waits: sleeping moves its time forward instead.
	Clock func() time.Time
	// Seed makes getrandom and AT_RANDOM repeatable; nil is real randomness.
	Seed []byte

	Trace     io.Writer // a line for each system call; nil is none
	StackSize uint64    // bytes; 0 is 8 MiB, or an eighth of the memory limit if that is less
}

// Stopped says why a process is no longer running.
type Stopped string

// The reasons. They are the words of "fishplate guest run --json".
const (
	StoppedExit   Stopped = "exit"   // it ended by itself, or by a signal that it sent itself
	StoppedBudget Stopped = "budget" // the fuel is used up; Run may be called again
	StoppedFault  Stopped = "fault"  // see Exit.Fault
	StoppedMemory Stopped = "memory" // it needed more pages than the machine may have
)

// Status is how a run ended.
type Status struct {
	Exited  bool
	Code    int // the exit status; 128 + Signal when a signal ended it
	Signal  int // 0, or the signal that ended it
	Stopped Stopped
	Exit    riscv.Exit // the last exit of the machine
}

// Process is a program with its system calls. Its machine's registers and
// memory may be looked at and changed between runs.
type Process struct {
	Machine *riscv.Machine

	config Config
	word   int // bytes of a long and a pointer: 8, or 4 on RV32
	space  space
	files  files
	clock  clock
	random random
	tid    uint64 // clear_child_tid

	exited bool
	code   int
	signal int
}

// slice is how many instructions run between two looks at the context.
const slice = 1 << 20

// Run executes until the program ends, faults, or has used fuel instructions;
// 0 is no limit. The error is the context's, or that of a stream; the process
// can go on after both.
func (p *Process) Run(ctx context.Context, fuel uint64) (Status, error) {
	m := p.Machine
	end := m.Instret + fuel
	if fuel == 0 || end < m.Instret {
		end = ^uint64(0)
	}
	for !p.exited {
		if err := ctx.Err(); err != nil {
			return Status{}, context.Cause(ctx)
		}
		if m.Instret >= end {
			return Status{Stopped: StoppedBudget, Exit: riscv.Exit{Kind: riscv.Budget}}, nil
		}
		e := m.Run(min(slice, end-m.Instret))
		switch e.Kind {
		case riscv.Budget:
		case riscv.Call:
			p.Call()
		default:
			return p.stopped(e), nil
		}
	}
	return p.Status(), nil
}

// Status is how the process ended; Exited is false while it has not.
func (p *Process) Status() Status {
	if !p.exited {
		return Status{}
	}
	return Status{Exited: true, Code: p.code, Signal: p.signal, Stopped: StoppedExit, Exit: riscv.Exit{Kind: riscv.Call}}
}

func (p *Process) stopped(e riscv.Exit) Status {
	if e.Kind == riscv.Faulted && e.Fault.Kind == riscv.MemoryLimit {
		return Status{Stopped: StoppedMemory, Exit: e}
	}
	return Status{Stopped: StoppedFault, Exit: e}
}

// Call serves the system call that the machine stands at, after an exit of kind
// Call, and moves PC past it. It reports whether the process has ended; then PC
// stays at the call.
func (p *Process) Call() (done bool) {
	m := p.Machine
	var a args
	for i := range a {
		a[i] = m.X[10+i]
		if p.word == 4 {
			a[i] = uint64(uint32(a[i]))
		}
	}
	row := lookup(m.X[17], p.word)
	result := -int64(ENOSYS)
	if row != nil {
		result = row.serve(p, &a)
	}
	p.trace(m.X[17], row, &a, result)
	if p.exited {
		return true
	}
	m.X[10] = uint64(result)
	if p.word == 4 {
		m.X[10] = uint64(int64(int32(result)))
	}
	m.SkipCall()
	return false
}

// fail is the errno of an access to guest memory that was refused.
func fail(err error) int64 {
	var e *riscv.MemoryError
	if errors.As(err, &e) && e.Kind == memoryLimit {
		return -int64(ENOMEM)
	}
	return -int64(EFAULT)
}
