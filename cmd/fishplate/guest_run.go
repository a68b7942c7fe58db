package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"fishplate/internal/config"
	"fishplate/riscv"
	"fishplate/riscv/linux"
)

func guestRunVerb() verb {
	return verb{
		name: "guest run", form: "PROG [--budget N] [--memory SIZE] [--jit=off] [--trace] [--stats] [--json] [ARGS] [-- ARGS]",
		min: 1, max: -1, run: runGuest,
		short: "Run a RISC-V Linux program under a budget",
		long: "Stdin, stdout and stderr are the guest's; ours, with --stats, --trace and --json, go to stderr. Our flags stand before or\n" +
			"after PROG; what follows -- is the guest's alone. The program must be linked statically.",
		example: "fishplate guest run hello.elf\nfishplate guest run sum.elf --budget 1000000 --stats < numbers\nfishplate guest run sort.elf -- -r --key 2",
		exits:   "the guest's own; 125 when it was stopped by the budget, the memory limit or a fault; 130 by Ctrl-C.",
		flags: func(f *pflag.FlagSet) {
			f.String("budget", "", "stop after so many instructions: 5000000, 5M, 2G (default no limit)")
			f.String("memory", "256MiB", "what the guest may use")
			f.String("jit", "auto", "auto, or off for the interpreter alone")
			f.Bool("trace", false, "print each system call")
			f.Bool("stats", false, "print instructions, time and memory at the end")
			f.Bool("json", false, "print how it ended as JSON, on stderr")
		},
	}
}

// guestOptions are the flags of guest run, read.
type guestOptions struct {
	budget uint64
	memory uint64
}

func readGuestOptions(c *call) (o guestOptions, err error) {
	if o.budget, err = instructions(c.text("budget")); err != nil {
		return o, usagef("guest run: --budget: %v", err)
	}
	n, err := config.Size(c.text("memory"))
	if err != nil {
		return o, usagef("guest run: --memory: %v", err)
	}
	if n < 1<<16 || n > 16<<30 {
		return o, usagef("guest run: --memory %s: from 64KiB to 16GiB", c.text("memory"))
	}
	o.memory = uint64(n)
	switch c.text("jit") {
	case "auto", "off":
	default:
		return o, usagef("guest run: --jit %q: auto or off", c.text("jit"))
	}
	return o, nil
}

// instructions reads a number of instructions: digits, and k, M, G or T.
func instructions(s string) (uint64, error) {
	if s == "" {
		return 0, nil
	}
	factor := uint64(1)
	digits := s
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

// runGuest is the verb guest run.
func runGuest(c *call) error {
	o, err := readGuestOptions(c)
	if err != nil {
		return err
	}
	program, err := loadGuest(c.args[0])
	if err != nil {
		return err
	}
	m, err := riscv.NewMachine(program, linux.MachineOptions(o.memory))
	if err != nil {
		return fmt.Errorf("run guest %s: %w", c.args[0], err)
	}
	defer m.Close()
	conf := linux.Config{Args: c.args, Env: os.Environ(), Stdin: c.stdin, Stdout: c.stdout, Stderr: c.stderr}
	if c.flag("trace") {
		conf.Trace = c.stderr
	}
	p, err := linux.New(m, conf)
	if err != nil {
		return fmt.Errorf("run guest %s: %w", c.args[0], err)
	}
	ctx, stop := signal.NotifyContext(c.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	begun := time.Now()
	status, err := p.Run(ctx, o.budget)
	seconds := time.Since(begun).Seconds()
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return exit{code: 130}
		}
		return fmt.Errorf("run guest %s: %w", c.args[0], err)
	}
	if c.flag("stats") {
		fmt.Fprintf(c.stderr, "%d instructions in %.3f s: %.0f MIPS\n", m.Instret, seconds, float64(m.Instret)/seconds/1e6)
	}
	if !status.Exited {
		fmt.Fprintf(c.stderr, "fishplate: guest %s stopped: %s: %v\n", c.args[0], status.Stopped, status.Exit.Fault)
		return exit{code: exitStopped}
	}
	return exit{code: status.Code}
}
