package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"fishplate/internal/desk"
)

func guestGDBVerb() verb {
	return verb{
		name: "guest gdb", form: "PROG [--listen ADDR] [--memory SIZE] [-- ARGS]",
		min: 1, max: -1, run: runGuestGDB,
		short: "Let gdb control a RISC-V program",
		long: "Prints the command that connects gdb-multiarch, and waits. Breakpoints, watchpoints, registers, memory, stepping and\n" +
			"\"monitor help\" work; code cannot be changed. Whoever can connect can read and change all of the guest, and nothing else:\n" +
			"keep ADDR on this host. It ends when the program does, or when gdb quits; after \"detach\" it waits for the next gdb.\n" +
			"With - for ADDR gdb is at our stdin and stdout; then the guest reads nothing and writes to stderr.",
		example: "fishplate guest gdb hello.elf\nfishplate guest gdb sum.elf --listen 127.0.0.1:0 < numbers\ngdb-multiarch -ex 'target remote | fishplate guest gdb hello.elf --listen -' hello.elf",
		exits:   "130 by Ctrl-C.",
		flags: func(f *pflag.FlagSet) {
			f.String("listen", "127.0.0.1:1234", "where gdb connects; port 0 takes a free one, - is stdin and stdout")
			f.String("memory", "256MiB", "what the guest may use, 64KiB to 8GiB")
		},
	}
}

// watchedRun is the run of a verb that looks at what the guest does.
func (c *call) watchedRun(verb string) (*desk.Run, error) {
	r := &desk.Run{
		Path: c.args[0], Args: c.args, Stdin: c.stdin, Stdout: c.stdout, Stderr: c.stderr, NoJIT: true,
		Terminal: [3]bool{isTerminal(c.stdin), isTerminal(c.stdout), isTerminal(c.stderr)},
	}
	var err error
	if r.Memory, err = guestMemory(c.text("memory")); err != nil {
		return nil, usagef("%s: --memory %w", verb, err)
	}
	return r, nil
}

// runGuestGDB is the verb guest gdb.
func runGuestGDB(c *call) error {
	r, err := c.watchedRun("guest gdb")
	if err != nil {
		return err
	}
	listen, ends := c.text("listen"), []os.Signal{os.Interrupt, syscall.SIGTERM}
	if listen == "-" {
		// Ctrl-C in gdb's terminal is meant for gdb, which tells us.
		ends = ends[1:]
		mine := make(chan os.Signal, 1)
		signal.Notify(mine, os.Interrupt)
		defer signal.Stop(mine)
	}
	ctx, stop := signal.NotifyContext(c.ctx, ends...)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second Ctrl-C ends us at once
	code, err := r.GDB(ctx, listen)
	if err != nil || code == exitDone {
		return err
	}
	return exit{code: code}
}
