package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"fishplate/riscv/debug"
)

// GDB prints how to connect gdb, lets it control the program, and returns when
// the program is over or ctx is done. listen is a TCP address. One debugger is
// served at a time; one that leaves the program standing may be followed by
// another.
//
// With listen "-" the debugger is at our standard streams, as gdb's "target
// remote | COMMAND" arranges it. Then the program has no input, and its output
// goes to stderr.
func (r *Run) GDB(ctx context.Context, listen string) (status int, err error) {
	piped := stdio{Reader: r.Stdin, Writer: r.Stdout}
	if listen == "-" {
		r.Stdin, r.Stdout, r.Terminal = nil, r.Stderr, [3]bool{}
	}
	w, err := r.watch(ctx)
	if err != nil {
		return 0, err
	}
	defer w.close()
	guest, err := w.start(nil)
	if err != nil {
		return 0, err
	}
	if listen == "-" {
		_, err := debug.ServeGDB(ctx, piped, &guest, w.lines)
		return 0, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return 0, fmt.Errorf("listen for gdb: %w", err)
	}
	defer listener.Close()
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	fmt.Fprintf(r.Stderr, "connect with: gdb-multiarch -ex 'target remote %s' %s\n", listener.Addr(), r.Path)
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return StatusInterrupted, nil
		}
		if err != nil {
			return 0, fmt.Errorf("wait for gdb: %w", err)
		}
		over, err := debug.ServeGDB(ctx, conn, &guest, w.lines)
		switch {
		case errors.Is(err, context.Canceled):
			return StatusInterrupted, nil
		case over:
			return 0, nil
		case err != nil:
			fmt.Fprintf(r.Stderr, "fishplate: %v\n", err)
		}
		fmt.Fprintln(r.Stderr, "gdb left; the guest stands and waits for the next one")
	}
}

// stdio is a connection to whoever started us. Closing is theirs to do.
type stdio struct {
	io.Reader
	io.Writer
}

func (stdio) Close() error { return nil }
