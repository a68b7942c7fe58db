package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

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
	code, err := r.Profile(ctx, file)
	if err != nil || code == exitDone {
		return err
	}
	return exit{code: code}
}
