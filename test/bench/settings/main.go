//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"fishplate/internal/bench"
)

// tried is a row with what came of it.
type tried struct {
	row
	Commands [2]string      `json:"commands"` // in a network namespace: unshare -n -m sh
	Figures  []bench.Figure `json:"figures"`
}

func main() {
	binary := flag.String("fishplate", "bin/fishplate", "the binary")
	only := flag.String("only", "", "checks to try, with commas; all by default")
	pairs := flag.Int("pairs", 8, "pairs of each row")
	duration := flag.Duration("duration", 1500*time.Millisecond, "of one measurement")
	out := flag.String("out", "test/bench/results", "folder for the results")
	chain := flag.String("rules", "", "inside: add rules, as many, or one that asks for the state (ct)")
	plain := flag.String("plain", "", "inside: switch the offloads of a link off")
	flag.Parse()
	var err error
	switch {
	case *chain != "":
		err = rules(*chain)
	case *plain != "":
		err = withoutOffloads(*plain)
	default:
		err = run(*binary, *out, *only, *pairs, *duration)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "settings:", err)
		os.Exit(1)
	}
}

func run(binary, out, only string, pairs int, duration time.Duration) error {
	dir, err := os.MkdirTemp("", "settings")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	environ := append(os.Environ(), "SELF="+self, "FISHPLATE="+binary, "DIR="+dir, "DURATION="+duration.String())
	var done []tried
	for _, r := range rows() {
		if only != "" && !slices.Contains(strings.Split(only, ","), r.Check) {
			continue
		}
		t := tried{row: r}
		for i, s := range r.run {
			t.Commands[i] = s.script(r.apart)
		}
		ab := bench.AB{Commands: t.Commands, Pairs: pairs, Do: func(ctx context.Context, script string) ([]byte, error) { return inside(ctx, environ, script) }}
		c, err := ab.Run(context.Background())
		if err != nil {
			return fmt.Errorf("%s: %w", r.Check, err)
		}
		t.Figures = c.Figures
		fmt.Printf("%s: %s; %s\n", r.Check, r.A, r.B)
		for _, f := range c.Figures {
			fmt.Printf("    %-12s %10.1f %10.1f %-4s %+6.1f %% (%+.1f … %+.1f)\n", f.Name, f.A, f.B, f.Unit, 100*(f.Ratio-1), 100*(f.Low-1), 100*(f.High-1))
		}
		done = append(done, t)
	}
	if len(done) == 0 {
		return errors.New("no such check: " + only)
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(map[string]any{"at": time.Now().UTC().Format(time.RFC3339), "rows": done, "load": strings.TrimSpace(string(load))}, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(out, "settings-"+time.Now().UTC().Format("20060102-150405")+".json")
	fmt.Println("written to", name)
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

// inside runs a script in new network and mount namespaces.
func inside(ctx context.Context, environ []string, script string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", "mount --make-rprivate /\n"+script)
	cmd.Env = environ
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) && len(failed.Stderr) > 0 {
		err = errors.New(strings.TrimSpace(string(failed.Stderr)))
	}
	return out, err
}
