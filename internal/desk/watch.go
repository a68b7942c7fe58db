package desk

import (
	"context"
	"fmt"
	"path/filepath"

	"fishplate/riscv"
	"fishplate/riscv/debug"
	"fishplate/riscv/linux"
)

// watched is a program under a debugger or a profiler. It may be started more
// than once.
type watched struct {
	*Run
	ctx      context.Context
	program  *riscv.Program
	lines    *debug.Lines // nil when what the file says about them is broken
	machines []*riscv.Machine
}

// watch loads the program and what its file tells about lines.
func (r *Run) watch(ctx context.Context) (*watched, error) {
	program, file, err := Load(r.Path)
	if err != nil {
		return nil, err
	}
	lines, err := debug.ReadLines(file)
	if err != nil {
		lines = nil // the symbols of the program remain
	}
	return &watched{Run: r, ctx: ctx, program: program, lines: lines}, nil
}

// close gives back what start took.
func (w *watched) close() {
	for _, m := range w.machines {
		m.Close()
	}
}

// start makes a process that stands at its first instruction. Without arguments
// it gets those of the command line.
func (w *watched) start(args []string) (debug.Guest, error) {
	o := w.options()
	o.JIT = riscv.JITOff // it is stopped after every few instructions
	m, err := riscv.NewMachine(w.program, o)
	if err != nil {
		return debug.Guest{}, fmt.Errorf("start guest %s: %w%s", w.Path, err, tooSmall(err))
	}
	w.machines = append(w.machines, m)
	all := w.Args
	if len(args) > 0 {
		all = append([]string{w.Args[0]}, args...)
	}
	p, err := linux.New(m, linux.Config{
		Args: all, Stdin: &interruptible{ctx: w.ctx, r: w.Stdin}, Stdout: w.Stdout, Stderr: w.Stderr, Terminal: w.Terminal,
	})
	if err != nil {
		return debug.Guest{}, fmt.Errorf("start guest %s: %w%s", w.Path, err, tooSmall(err))
	}
	g := debug.Linux(p)
	if path, err := filepath.Abs(w.Path); err == nil {
		g.File = path
	}
	g.Restart = w.start
	return g, nil
}
