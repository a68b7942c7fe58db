package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"

	"fishplate/internal/config"
	"fishplate/riscv"
	"fishplate/riscv/debug"
	"fishplate/riscv/linux"
)

func guestGDBVerb() verb {
	return verb{
		name: "guest gdb", form: "PROG [--listen ADDR] [--memory SIZE] [-- ARGS]",
		min: 1, max: -1, run: runGuestGDB,
		short: "Let gdb control a RISC-V program",
		long: "Prints the command that connects gdb-multiarch, and waits. Breakpoints, watchpoints, registers, memory, stepping and\n" +
			"\"monitor help\" work; code cannot be changed. Only one debugger is served at a time, and whoever can connect can read and\n" +
			"change all of the guest: keep ADDR on this host. It ends when the program does, or when gdb quits.",
		example: "fishplate guest gdb hello.elf\nfishplate guest gdb sum.elf --listen 127.0.0.1:0 < numbers",
		flags: func(f *pflag.FlagSet) {
			f.String("listen", "127.0.0.1:1234", "where gdb connects; port 0 takes a free one")
			f.String("memory", "256MiB", "what the guest may use")
		},
	}
}

// watchedGuest is a guest that gdb or the profiler looks at.
type watchedGuest struct {
	call    *call
	program *riscv.Program
	lines   *debug.Lines
	memory  uint64
	opened  []*riscv.Machine
}

// watchGuest loads the program of a verb that has the flag memory.
func watchGuest(c *call, verb string) (*watchedGuest, error) {
	n, err := config.Size(c.text("memory"))
	if err != nil {
		return nil, usagef("%s: --memory: %v", verb, err)
	}
	if n < 1<<16 || n > 16<<30 {
		return nil, usagef("%s: --memory %s: from 64KiB to 16GiB", verb, c.text("memory"))
	}
	program, err := loadGuest(c.args[0])
	if err != nil {
		return nil, err
	}
	file, err := os.ReadFile(c.args[0])
	if err != nil {
		return nil, fmt.Errorf("read guest: %w", err)
	}
	lines, err := debug.ReadLines(file)
	if err != nil {
		return nil, fmt.Errorf("read guest %s: %w", c.args[0], err)
	}
	return &watchedGuest{call: c, program: program, lines: lines, memory: uint64(n)}, nil
}

// close gives back what start took.
func (w *watchedGuest) close() {
	for _, m := range w.opened {
		m.Close()
	}
}

// start makes a process that stands at its first instruction. Without arguments
// it gets those of the command line.
func (w *watchedGuest) start(args []string) (debug.Guest, error) {
	c := w.call
	m, err := riscv.NewMachine(w.program, linux.MachineOptions(w.memory))
	if err != nil {
		return debug.Guest{}, fmt.Errorf("start guest %s: %w", c.args[0], err)
	}
	w.opened = append(w.opened, m)
	all := c.args
	if len(args) > 0 {
		all = append([]string{c.args[0]}, args...)
	}
	p, err := linux.New(m, linux.Config{Args: all, Env: os.Environ(), Stdin: c.stdin, Stdout: c.stdout, Stderr: c.stderr})
	if err != nil {
		return debug.Guest{}, fmt.Errorf("start guest %s: %w", c.args[0], err)
	}
	g := debug.Linux(p)
	if abs, err := filepath.Abs(c.args[0]); err == nil {
		g.File = abs
	}
	g.Restart = w.start
	return g, nil
}

// runGuestGDB is the verb guest gdb.
func runGuestGDB(c *call) error {
	w, err := watchGuest(c, "guest gdb")
	if err != nil {
		return err
	}
	defer w.close()
	guest, err := w.start(nil)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.text("listen"))
	if err != nil {
		return fmt.Errorf("listen for gdb: %w", err)
	}
	defer listener.Close()
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	fmt.Fprintf(c.stderr, "connect with: gdb-multiarch -ex 'target remote %s' %s\n", listener.Addr(), c.args[0])
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return exit{code: 130}
			}
			return fmt.Errorf("wait for gdb: %w", err)
		}
		over, err := debug.ServeGDB(ctx, conn, &guest, w.lines)
		switch {
		case errors.Is(err, context.Canceled):
			return exit{code: 130}
		case err != nil:
			fmt.Fprintf(c.stderr, "fishplate: %v; waiting for another gdb\n", err)
		case over:
			return nil
		default:
			fmt.Fprintln(c.stderr, "gdb left; the guest stands and waits for another one")
		}
	}
}
