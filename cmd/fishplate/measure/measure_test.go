package measure

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/pflag"

	"fishplate/internal/bench"
)

// What makes no sense is refused before anything is measured, with the flag, its
// bounds and what to do instead.
func TestNumbersOutOfBounds(t *testing.T) {
	for _, c := range []struct {
		args string
		want string // empty is accepted
	}{
		{"-c 1", ""}, {"-c 256 --rate 0.5 --duration 2s", ""}, {"--sources 0 --backlog 0", ""}, {"--duration 24h --repeat 1000", ""},
		{"-c 0", "--connections is 1 to 10000000, not 0: leave it out for 256"},
		{"-c -5", "--connections is 1 to 10000000, not -5"},
		{"-c 99999999", "--connections is 1 to 10000000, not 99999999"},
		{"--rate 0", "--rate is 0.00002 to 100000000, not 0: leave it out for as many as are answered"},
		{"--rate -1", "not -1"}, {"--rate NaN", "not NaN"}, {"--rate Inf", "not +Inf"}, {"--rate 1e9", "not 1000000000"},
		{"--rate 0.0001", "at --rate 0.0001 not one transaction is due in the 2s of a measurement: ask for a --duration of 2h46m40s, or for a larger rate"},
		{"--rate 0.0001 --duration 3h", ""},
		{"--duration 0", "--duration is 10ms to 24h0m0s, not 0s: leave it out for 2s"},
		{"--duration -1s", "not -1s"}, {"--duration 1us", "not 1µs"}, {"--duration 2000000h", "not 2000000h0m0s"},
		{"--repeat 0", "--repeat is 1 to 1000, not 0"}, {"--repeat 1000000", "not 1000000"},
		{"--threads 0", "--threads is 1 to 1024, not 0: leave it out for one for each processor"}, {"--threads 100000", "not 100000"},
		{"--sources -1", "--sources is 0 to 50000, not -1"}, {"--sources 1000000000", "not 1000000000"},
		{"--backlog -1", "--backlog is 0 to 2147483647, not -1: 0 is the largest"}, {"--backlog 4294967296", "not 4294967296"},
		{"--timeout 0", "--timeout is 1ms to 1h0m0s, not 0s"}, {"--timeout 2h", "not 2h0m0s"},
	} {
		f := pflag.NewFlagSet("bench", pflag.ContinueOnError)
		Flags(f)
		if err := f.Parse(strings.Fields(c.args)); err != nil {
			t.Fatal(err)
		}
		_, err := options("crr", f)
		var usage *UsageError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.args, err)
		case c.want != "" && (!errors.As(err, &usage) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v; want %q", c.args, err, c.want)
		}
	}
}

// The other verbs have the same bounds.
func TestNumbersOfOtherVerbs(t *testing.T) {
	server := pflag.NewFlagSet("bench server", pflag.ContinueOnError)
	ServerFlags(server)
	pairs := pflag.NewFlagSet("bench ab", pflag.ContinueOnError)
	PairFlags(pairs)
	if err := errors.Join(server.Parse([]string{"--backlog=-5"}), pairs.Parse([]string{"--pairs=1"})); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), "crr", server, Desk{}); err == nil || !strings.Contains(err.Error(), "--backlog is 0 to") {
		t.Errorf("backlog: %v", err)
	}
	if err := AB(t.Context(), "true", "true", pairs, Desk{}); err == nil || !strings.Contains(err.Error(), "--pairs is 2 to 1000, not 1: one pair has no interval") {
		t.Errorf("pairs: %v", err)
	}
}

// A server that ends before it answers says why: what it wrote last, or that it was
// told to.
func TestTenantEndsEarly(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	d := Desk{Serve: func(ctx context.Context, _ string, _ io.Writer, _ func(string)) error { <-ctx.Done(); return nil }}
	if _, _, err := d.serveTenant(ctx, bench.ServerOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("told to end: %v", err)
	}
	d.Serve = func(_ context.Context, _ string, log io.Writer, _ func(string)) error {
		_, _ = io.WriteString(log, strings.Repeat("x", 2*tailMost)+"no room\n")
		return errors.New("refused")
	}
	if _, _, err := d.serveTenant(t.Context(), bench.ServerOptions{}); err == nil || !strings.HasSuffix(err.Error(), "xno room") || !strings.Contains(err.Error(), "refused") || len(err.Error()) > tailMost+100 {
		t.Errorf("refused: %v", err)
	}
}

// A signal that ends us ends the commands of a pair first.
func TestSignalEndsPair(t *testing.T) {
	for _, sign := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		fifo := filepath.Join(t.TempDir(), "held")
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		f := pflag.NewFlagSet("ab", pflag.ContinueOnError)
		PairFlags(f)
		ended := make(chan error)
		go func() {
			ended <- AB(t.Context(), "exec 3>"+fifo+"; sleep 1000 & echo up >&3; wait", "true", f, Desk{Out: io.Discard})
		}()
		held, err := os.Open(fifo)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(held, make([]byte, len("up\n"))); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(os.Getpid(), sign); err != nil {
			t.Fatal(err)
		}
		// The pipe ends with the last process of the command.
		if _, err := io.ReadAll(held); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%v: %v", sign, err)
		}
		if err := held.Close(); err != nil {
			t.Error(err)
		}
	}
}
