package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"fishplate/riscv"
	"fishplate/riscv/linux"
)

// Statuses of a guest that did not end by itself.
const (
	StatusStopped     = 125 // by the budget, the memory limit or a fault
	StatusInterrupted = 130 // as a shell reports SIGINT
)

// Run is one run of a program.
type Run struct {
	Path     string
	Args     []string // Args[0] is the name that the guest sees
	Budget   uint64   // instructions; 0 is no limit
	Memory   uint64   // bytes
	NoJIT    bool     // the interpreter alone
	Trace    bool     // print each system call
	Stats    bool     // print instructions, time and memory at the end
	JSON     bool     // print how it ended as JSON
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer // the guest's, and what is printed about it
	Terminal [3]bool   // which of the three a person looks at
}

// result is a finished run.
type result struct {
	*Run
	file        []byte
	machine     *riscv.Machine
	process     *linux.Process
	status      linux.Status
	interrupted bool
	elapsed     time.Duration
}

// Do runs the program to its end, and returns the exit status that stands for
// it. The error is about what kept it from running; cancelling ctx is not one.
func (r *Run) Do(ctx context.Context) (status int, err error) {
	program, file, err := Load(r.Path)
	if err != nil {
		return 0, err
	}
	m, err := riscv.NewMachine(program, r.options())
	if err != nil {
		return 0, fmt.Errorf("run guest %s: %w%s", r.Path, err, tooSmall(err))
	}
	defer m.Close()
	c := linux.Config{
		Args: r.Args, Stdin: &interruptible{ctx: ctx, r: r.Stdin}, Stdout: r.Stdout, Stderr: r.Stderr, Terminal: r.Terminal,
	}
	if r.Trace {
		c.Trace = r.Stderr
	}
	p, err := linux.New(m, c)
	if err != nil {
		return 0, fmt.Errorf("run guest %s: %w%s", r.Path, err, tooSmall(err))
	}
	begun := time.Now()
	done := result{Run: r, file: file, machine: m, process: p}
	done.status, err = p.Run(ctx, r.Budget)
	done.elapsed = time.Since(begun)
	if done.interrupted = err != nil && ctx.Err() != nil; err != nil && !done.interrupted {
		return 0, fmt.Errorf("run guest %s: %w", r.Path, err)
	}
	return done.code(), done.report()
}

// options are those of the machine.
func (r *Run) options() riscv.Options {
	o := linux.MachineOptions(r.Memory)
	if r.NoJIT {
		o.JIT = riscv.JITOff
	}
	return o
}

// tooSmall is the remedy of a program that does not fit into its memory.
func tooSmall(err error) string {
	var e *riscv.MemoryError
	if errors.As(err, &e) {
		return "; give it more with --memory"
	}
	return ""
}

// code is the exit status that stands for the run.
func (d *result) code() int {
	switch {
	case d.interrupted:
		return StatusInterrupted
	case d.status.Exited:
		return d.status.Code
	}
	return StatusStopped
}

// interruptible is a reader whose waiting ends with ctx. The first read that is
// interrupted leaves a goroutine behind, which only the host's reader can end.
type interruptible struct {
	ctx  context.Context
	r    io.Reader
	rest []byte
	err  error
}

// chunk is what one read gave.
type chunk struct {
	data []byte
	err  error
}

// Read implements io.Reader.
func (i *interruptible) Read(b []byte) (int, error) {
	if len(i.rest) == 0 && i.err == nil && i.r != nil {
		got := make(chan chunk, 1)
		go func() {
			buffer := make([]byte, len(b))
			n, err := i.r.Read(buffer)
			got <- chunk{buffer[:n], err}
		}()
		select {
		case c := <-got:
			i.rest, i.err = c.data, c.err
		case <-i.ctx.Done():
			return 0, context.Cause(i.ctx)
		}
	}
	n := copy(b, i.rest)
	i.rest = i.rest[n:]
	switch {
	case n > 0 || len(b) == 0:
		return n, nil
	case i.err != nil:
		return 0, i.err
	}
	return 0, io.EOF
}
