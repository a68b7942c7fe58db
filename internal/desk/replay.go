package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"fishplate/internal/tenant"
	"fishplate/riscv/debug"
)

// StatusDiffers is the exit status of a repetition that is not as it was.
const StatusDiffers = 1

// Replay runs the recording of a request to a tenant again.
type Replay struct {
	Recording []byte // as Set.Record, or a file of it, has it
	Program   []byte // another ELF file; nil: the recorded one
	Name      string // of it, for messages
	NoJIT     bool   // the interpreter alone
	Trace     bool   // print each call to the host
	GDB       string // where to wait for gdb; "" is nowhere, "-" is our standard streams
	Entry     string // which call the debugger gets: "on_recv", "forge", …; "" is the first
	JSON      bool   // print the outcome as JSON
	Stdin     io.Reader
	Stdout    io.Writer
	Stderr    io.Writer
}

// Do repeats the request and prints what was not as it was. The status is 0 when
// all was, else StatusDiffers.
func (r *Replay) Do(ctx context.Context) (status int, err error) {
	rec, err := tenant.ParseRecording(r.Recording)
	if err != nil {
		return 0, err
	}
	o := tenant.ReplayOptions{Entry: r.Entry}
	if r.NoJIT || r.GDB != "" {
		o.JIT = "off"
	}
	if r.Trace {
		o.Trace = func(line string) { fmt.Fprintln(r.Stderr, line) }
	}
	var broken error
	if r.GDB != "" {
		o.GDB = func(ctx context.Context, guest *debug.Guest, lines *debug.Lines) bool {
			over, err := r.serve(ctx, guest, lines)
			broken = err
			return over
		}
	}
	out, err := tenant.Replay(ctx, rec, r.Program, o)
	if err != nil {
		return 0, err
	}
	if broken != nil {
		return 0, broken
	}
	if r.GDB == "-" {
		return 0, nil // standard output is the debugger's
	}
	if err := r.print(rec.Head.ID, out); err != nil {
		return 0, fmt.Errorf("print outcome: %w", err)
	}
	if !out.Equal {
		return StatusDiffers, nil
	}
	return 0, nil
}

// serve waits for one debugger and lets it control the call.
func (r *Replay) serve(ctx context.Context, guest *debug.Guest, lines *debug.Lines) (over bool, err error) {
	if r.GDB == "-" {
		return debug.ServeGDB(ctx, stdio{r.Stdin, r.Stdout}, guest, lines)
	}
	conn, err := acceptOne(ctx, r.GDB, r.Stderr)
	if err != nil {
		return false, err
	}
	return debug.ServeGDB(ctx, conn, guest, lines)
}

// acceptOne waits for one connection of gdb, at a loopback address only.
func acceptOne(ctx context.Context, listen string, stderr io.Writer) (net.Conn, error) {
	l, err := listenLoopback(ctx, listen)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	fmt.Fprintf(stderr, "connect with: gdb-multiarch -ex 'target remote %s' PROGRAM\n", l.Addr())
	conn, err := l.Accept()
	if err != nil {
		return nil, errors.Join(context.Cause(ctx), fmt.Errorf("wait for gdb: %w", err))
	}
	return conn, nil
}

func (r *Replay) print(id string, out *tenant.Outcome) error {
	if r.JSON {
		b, err := json.MarshalIndent(out, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(r.Stdout, "%s\n", b)
		return err
	}
	var b strings.Builder
	for _, s := range out.Calls {
		fmt.Fprintf(&b, "%-20s %12s instructions", s.Call, grouped(s.Instructions))
		if s.Decision != "" {
			fmt.Fprintf(&b, "  %s", s.Decision)
		}
		if s.Status != 0 {
			fmt.Fprintf(&b, "  answer %d, %d bytes", s.Status, s.Body)
		}
		if s.Cause != "" {
			fmt.Fprintf(&b, "  %s", s.Cause)
		}
		b.WriteByte('\n')
	}
	for _, l := range out.Lines {
		fmt.Fprintf(&b, "log %s: %s\n", l.Level, l.Text)
	}
	for _, d := range out.Differences {
		fmt.Fprintf(&b, "differs: %s\n", d)
	}
	if out.Tariff != "" {
		fmt.Fprintf(&b, "request %s: %s\n", id, out.Tariff)
	}
	switch {
	case out.Equal && out.Other:
		fmt.Fprintf(&b, "request %s: %s decides and answers as recorded, in %s instructions instead of %s\n", id, r.other(), grouped(out.Instructions), grouped(out.Recorded))
	case out.Equal && out.Tariff != "":
		fmt.Fprintf(&b, "request %s: the same registers and bytes, in %s instructions instead of %s\n", id, grouped(out.Instructions), grouped(out.Recorded))
	case out.Equal:
		fmt.Fprintf(&b, "request %s: the same %s instructions, registers and bytes\n", id, grouped(out.Instructions))
	default:
		fmt.Fprintf(&b, "request %s: not as recorded\n", id)
	}
	_, err := io.WriteString(r.Stdout, b.String())
	return err
}

func (r *Replay) other() string {
	if r.Name != "" {
		return r.Name
	}
	return "the other program"
}
