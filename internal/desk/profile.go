package desk

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"fishplate/riscv/debug"
	"fishplate/riscv/linux"
)

// Profile runs the program to its end, its budget or the end of ctx, and writes
// how many instructions it executed where, for pprof. The status is that of the
// program, as Do's.
func (r *Run) Profile(ctx context.Context, file string) (status int, err error) {
	w, err := r.watch(ctx)
	if err != nil {
		return 0, err
	}
	defer w.close()
	guest, err := w.start(nil)
	if err != nil {
		return 0, err
	}
	out, err := os.Create(file) // before the long run, since it may be refused
	if err != nil {
		return 0, fmt.Errorf("write profile: %w", err)
	}
	defer out.Close()
	begun := time.Now()
	recording, stopped := debug.Record(ctx, guest, w.lines, r.Budget)
	seconds := time.Since(begun).Seconds()
	if err := recording.WritePprof(out); err != nil {
		return 0, fmt.Errorf("%w: %s", err, file)
	}
	if err := out.Close(); err != nil {
		return 0, fmt.Errorf("write profile: %w", err)
	}
	how := recording.Status
	switch {
	case stopped != nil:
		status = StatusInterrupted
		fmt.Fprintf(r.Stderr, "fishplate: guest %s interrupted\n", r.Path)
	case how.Exited && how.Signal == 0:
		status = how.Code
	default:
		var b strings.Builder
		if status = StatusStopped; how.Exited {
			status = how.Code
			fmt.Fprintf(&b, "fishplate: guest %s %s\n", r.Path, how.Reason)
		} else {
			fmt.Fprintf(&b, "fishplate: guest %s stopped: %s\n", r.Path, how.Reason)
		}
		if how.Stopped != linux.StoppedBudget {
			printFrames(&b, debug.Backtrace(guest.Machine, w.lines))
		}
		if _, err := fmt.Fprint(r.Stderr, b.String()); err != nil {
			return 0, fmt.Errorf("report on guest %s: %w", r.Path, err)
		}
	}
	_, err = fmt.Fprintf(r.Stderr, "%s instructions in %.1f s; look with: go tool pprof -top %s\n", grouped(recording.Total), seconds, file)
	return status, err
}
