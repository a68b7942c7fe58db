package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"fishplate/internal/bench/outcome"
	"fishplate/internal/bench/stats"
)

// AB compares two commands in pairs: what drifts over minutes on a machine
// drops out of each pair.
type AB struct {
	Commands [2]string
	Pairs    int
	// Do runs a command and returns what it wrote; nil runs it by the shell, or by
	// this program when it begins with a workload.
	Do func(ctx context.Context, command string) ([]byte, error)
	// Progress is called after each pair; nil is nobody.
	Progress func(pair int, c *Comparison)
}

// Run runs the pairs, each in the order that the one before had not. A command
// that writes a result of ours is judged by its figures, every other one by the
// time that it took. When the context ends, what there is of whole pairs is
// judged.
func (ab *AB) Run(ctx context.Context) (*Comparison, error) {
	do := ab.Do
	if do == nil {
		do = runCommand
	}
	var seen [2][]*Result
	var took [2][]float64
	for pair := range ab.Pairs {
		for turn := range 2 {
			which := (pair + turn) % 2
			begin := time.Now()
			out, err := do(ctx, ab.Commands[which])
			if ctx.Err() != nil {
				return ab.judge(seen, took), ctx.Err()
			}
			if err != nil {
				return nil, fmt.Errorf("run %q: %w", ab.Commands[which], err)
			}
			took[which] = append(took[which], time.Since(begin).Seconds())
			if r, err := outcome.Decode(bytes.TrimSpace(out)); err == nil {
				seen[which] = append(seen[which], r)
			}
		}
		for side := range seen {
			if len(seen[side]) == 0 && len(seen[1-side]) > 0 {
				return nil, fmt.Errorf("run %q: it wrote no result of bench, and %q did: give both --json, or none", ab.Commands[side], ab.Commands[1-side])
			}
		}
		if ab.Progress != nil {
			ab.Progress(pair+1, ab.judge(seen, took))
		}
	}
	return ab.judge(seen, took), nil
}

// judge compares what there is of whole pairs.
func (ab *AB) judge(seen [2][]*Result, took [2][]float64) *Comparison {
	c := &Comparison{Schema: CompareSchema, A: ab.Commands[0], B: ab.Commands[1], Paired: true, Host: []Difference{}, Options: []Difference{}}
	n := min(len(took[0]), len(took[1]))
	if len(seen[0]) < n || len(seen[1]) < n || n == 0 {
		a, b := took[0][:n], took[1][:n]
		c.add(figure{name: "time", unit: "s", less: true}, a, b, stats.Paired(a, b))
		return c
	}
	c.Options = differences(asked(seen[0][0].Params), asked(seen[1][0].Params))
	for _, f := range figures() {
		var v [2][]float64
		for side := range v {
			for _, r := range seen[side][:n] {
				if list := f.of(r); len(list) > 0 {
					v[side] = append(v[side], stats.Centre(list))
				}
			}
		}
		if len(v[0]) == n && len(v[1]) == n {
			c.add(f, v[0], v[1], stats.Paired(v[0], v[1]))
		}
	}
	return c
}

// grouped has all processes of a command end with the context.
func grouped(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// runCommand runs one side. A command that begins with a workload is ours: it is
// measured once and written as JSON.
func runCommand(ctx context.Context, command string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	if words := strings.Fields(command); len(words) > 0 && Known(words[0]) == nil {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		cmd = exec.CommandContext(ctx, self, append(append([]string{"bench"}, words...), "--repeat", "1", "--json")...)
	}
	// The kernel may end it with the thread that started it: that is to be there as
	// long as this process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	together(cmd)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Start()
	if err == nil {
		// What it began may hold the output open when it has ended itself.
		stop := context.AfterFunc(ctx, func() { _ = cmd.Cancel() })
		err = cmd.Wait()
		stop()
	}
	if err != nil && errs.Len() > 0 {
		err = errors.New(strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), err
}
