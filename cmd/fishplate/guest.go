package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"fishplate/internal/desk"
	"fishplate/internal/program"
	"fishplate/riscv/linux"
)

// guestVerbs are about a program on the desk: no process, no tenant.
func guestVerbs() []verb {
	return []verb{{
		name: "guest", form: "new|sdk|build|run|disasm|gdb|profile …",
		short: "Make, run and look into a RISC-V program on the desk",
		long:  "PROG is a statically linked RISC-V Linux executable, 64 or 32 bits.",
		sub:   []verb{guestNewVerb(), guestSDKVerb(), guestBuildVerb(), guestRunVerb(), guestDisasmVerb(), guestGDBVerb(), guestProfileVerb()},
	}}
}

func referenceSyscalls(w io.Writer) error {
	if _, err := io.WriteString(w, "# System calls of a guest on the desk\n\n"+generated+
		"What `fishplate guest run` and package `riscv/linux` serve. Everything else answers ENOSYS, as does what is refused below.\n\n"); err != nil {
		return err
	}
	return linux.Reference(w)
}

func guestProfileVerb() verb {
	return verb{
		name: "guest profile", form: "PROG [-o FILE] [--budget N] [--memory SIZE] [-- ARGS]",
		min: 1, max: -1, run: runGuestProfile,
		short: "Count the instructions of a RISC-V program for pprof",
		long: "Runs the program and writes how many instructions it executed by function, line and call stack: exact numbers, nothing is\n" +
			"sampled. Open the file with \"go tool pprof\". Lines and inlined functions need a program built with -g. Stdin, stdout and\n" +
			"stderr are the guest's; our summary goes to stderr. The file is also written when the budget, a fault or Ctrl-C ends the run.",
		example: "fishplate guest profile sort.elf -o sort.pprof\ngo tool pprof -top sort.pprof",
		exits:   "the guest's own, 128 and the signal when one ended it; 125 when it was stopped by the budget, the memory limit or a fault; 130 by Ctrl-C.",
		flags: func(f *pflag.FlagSet) {
			f.StringP("output", "o", "", "the file to write (default PROG with .pprof, in this folder)")
			f.String("budget", "", "stop after so many instructions: 5000000, 5M, 2G (default no limit)")
			f.String("memory", "256MiB", "what the guest may use, 64KiB to 8GiB")
		},
	}
}

// runGuestProfile is the verb guest profile.
func runGuestProfile(c *call) error {
	r, err := c.watchedRun("guest profile")
	if err != nil {
		return err
	}
	if r.Budget, err = instructions(c.text("budget")); err != nil {
		return usagef("guest profile: --budget %w", err)
	}
	file := c.text("output")
	if file == "" {
		base := filepath.Base(r.Path)
		file = strings.TrimSuffix(base, filepath.Ext(base)) + ".pprof"
	}
	ctx, stop := signal.NotifyContext(c.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second Ctrl-C ends us at once
	return ended(r.Profile(ctx, file))
}

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
	return ended(r.GDB(ctx, listen))
}

func guestBuildVerb() verb {
	return verb{
		name: "guest build", form: "PROG [-o FILE]", min: 1, max: 1, run: runGuestBuild,
		short: "Compile a tenant's program as serve does",
		long: "PROG is a .c or .cpp file, or a folder with Cargo.toml or go.mod. The SDK is built in. What the compiler says goes to stderr.\n" +
			"It is compiled anew only when a file that it is made from has changed.",
		example: "fishplate guest build shop.cpp -o shop.elf",
		flags: func(f *pflag.FlagSet) {
			f.StringP("output", "o", "", "the file to write (default PROG with .elf, in this folder)")
		},
	}
}

// runGuestBuild is the verb guest build.
func runGuestBuild(c *call) error {
	r, path, err := build(c.ctx, c.args[0])
	if err != nil {
		return err
	}
	if r.Form == program.ELF && !bytes.HasPrefix(r.ELF, []byte("\x7fELF")) {
		return fmt.Errorf("compile %s: a source is a .c or .cpp file, or a folder with Cargo.toml or go.mod", path)
	}
	if r.Warnings != "" {
		fmt.Fprintln(c.stderr, r.Warnings)
	}
	to := c.text("output")
	if base := filepath.Base(path); to == "" {
		to = strings.TrimSuffix(base, filepath.Ext(base)) + ".elf"
	}
	if err := os.WriteFile(to, r.ELF, 0o755); err != nil {
		return err
	}
	how := r.Compiler
	switch {
	case r.Compiler == "":
		how = "nothing to compile"
	case r.Cached:
		how = "compiled before by " + r.Compiler
	}
	fmt.Fprintf(c.stdout, "%s: %d bytes, %s\n", to, len(r.ELF), how)
	return nil
}
