package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/pflag"

	"fishplate/internal/config"
	"fishplate/internal/desk"
)

func guestRunVerb() verb {
	return verb{
		name: "guest run", form: "PROG [--budget N] [--memory SIZE] [--jit=off] [--trace] [--stats] [--json] [ARGS] [-- ARGS]",
		min: 1, max: -1, run: runGuest,
		short: "Run a RISC-V Linux program under a budget",
		long: "Stdin, stdout and stderr are the guest's. Our flags stand before or after PROG; what follows -- is the guest's alone.\n" +
			"What we print goes to stderr: with --trace, --stats and --json, and when the guest did not end by itself, where it was\n" +
			"and who called. The guest has no files, no network, no threads, and an empty environment.",
		example: "fishplate guest run hello.elf\nfishplate guest run sum.elf --budget 1M --stats < numbers\nfishplate guest run sort.elf -- -r --key 2",
		exits:   "the guest's own, 128 and the signal when one ended it; 125 when it was stopped by the budget, the memory limit or a fault; 130 by Ctrl-C.",
		flags: func(f *pflag.FlagSet) {
			f.String("budget", "", "stop after so many instructions: 5000000, 5M, 2G (default no limit)")
			f.String("memory", "256MiB", "what the guest may use, 64KiB to 8GiB")
			f.String("jit", "auto", "auto, or off for the interpreter alone")
			f.Bool("trace", false, "print each system call")
			f.Bool("stats", false, "print instructions, time and memory at the end")
			f.Bool("json", false, "print how it ended as JSON, on stderr")
		},
	}
}

func guestDisasmVerb() verb {
	return verb{
		name: "guest disasm", form: "PROG [SYMBOL|ADDR|ADDR..ADDR]", min: 1, max: 2,
		short:   "Print the instructions of a RISC-V program",
		long:    "All of them, those of one function, from an address to the end of its function, or those of a range.",
		example: "fishplate guest disasm hello.elf main\nfishplate guest disasm hello.elf 0x10500..0x10540",
		run: func(c *call) error {
			return desk.Disassemble(c.stdout, c.args[0], append(c.args, "")[1])
		},
	}
}

// runGuest is the verb guest run.
func runGuest(c *call) error {
	r := desk.Run{
		Path: c.args[0], Args: c.args, Stdin: c.stdin, Stdout: c.stdout, Stderr: c.stderr,
		Trace: c.flag("trace"), Stats: c.flag("stats"), JSON: c.flag("json"),
		Terminal: [3]bool{isTerminal(c.stdin), isTerminal(c.stdout), isTerminal(c.stderr)},
	}
	var err error
	if r.Budget, err = instructions(c.text("budget")); err != nil {
		return usagef("guest run: --budget: %w", err)
	}
	if r.Memory, err = guestMemory(c.text("memory")); err != nil {
		return usagef("guest run: --memory: %w", err)
	}
	if r.NoJIT, err = c.noJIT("guest run"); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second Ctrl-C ends us at once
	return ended(r.Do(ctx))
}

// noJIT reads --jit.
func (c *call) noJIT(verb string) (off bool, err error) {
	word := c.text("jit")
	if word != "auto" && word != "off" {
		return false, usagef("%s: --jit: %q: want auto or off", verb, word)
	}
	return word == "off", nil
}

// instructions reads a number of instructions: digits, and k, M, G or T. An
// empty text is 0.
func instructions(s string) (uint64, error) {
	if s == "" {
		return 0, nil
	}
	digits, factor := s, uint64(1)
	for i, letter := range "kMGT" {
		if s[len(s)-1] == byte(letter) {
			digits = s[:len(s)-1]
			for range i + 1 {
				factor *= 1000
			}
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n == 0 || n > ^uint64(0)/factor {
		return 0, fmt.Errorf("%q: want a number of instructions above 0, such as 5000000 or 5M", s)
	}
	return n * factor, nil
}

// guestMemory reads the size of a guest's memory.
func guestMemory(s string) (uint64, error) {
	n, err := config.Size(s)
	switch {
	case err != nil:
		return 0, err
	case n < 64<<10 || n > 8<<30:
		return 0, fmt.Errorf("%s: want 64KiB to 8GiB", s)
	}
	return uint64(n), nil
}
