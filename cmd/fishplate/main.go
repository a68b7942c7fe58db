// Fishplate is a multi-tenant, programmable layer-7 switch. This command is
// its only program: every verb is a row of the table in verbs.go, and the verb
// serve connects all rooms, see serve.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"fishplate/internal/letters"
)

// Exit codes. A verb with codes of its own documents them in its row.
const (
	exitDone    = 0
	exitRefused = 1  // refused or failed; the reason is on stderr
	exitChanges = 2  // plan, diff: there are changes
	exitBusy    = 3  // another change is not decided yet
	exitUsage   = 64 // as EX_USAGE of sysexits.h
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// exit is an error that decides the exit code. Without err nothing is printed:
// what there was to say has been said.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// ended is the error of a verb with exit codes of its own.
func ended(code int, err error) error {
	if err != nil || code == exitDone {
		return err
	}
	return exit{code: code}
}

func usagef(format string, args ...any) error {
	return exit{exitUsage, fmt.Errorf(format, args...)}
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot(verbs(), stdin, stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var e exit
	if !errors.As(err, &e) {
		e = exit{exitRefused, err}
	}
	if e.err != nil {
		// Names and files of others are in it.
		fmt.Fprintf(stderr, "fishplate: %s\n", letters.Only(e.err.Error()))
		if e.code == exitUsage {
			fmt.Fprintln(stderr, "Run 'fishplate help' for the verbs, 'fishplate help VERB' for one of them.")
		}
	}
	return e.code
}

// version returns the version that the binary was built as: set by the linker,
// or the module's.
func version() string {
	if buildVersion != "" {
		return buildVersion
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// buildVersion is set with -ldflags "-X main.buildVersion=…".
var buildVersion string
