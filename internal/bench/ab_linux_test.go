package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asPair names the variable that has this binary run a command of a pair.
const asPair = "FISHPLATE_TEST_BENCH_PAIR"

// waiting makes a pipe, and a command that holds it open and then says so: the pipe
// ends with the last of its processes.
func waiting(t *testing.T, begin, then string) (fifo, command string) {
	t.Helper()
	fifo = filepath.Join(t.TempDir(), "held")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	return fifo, "exec 3>" + fifo + "; " + begin + " echo up >&3; " + then
}

// up opens the pipe, and returns when its command runs.
func up(t *testing.T, fifo string) io.Reader {
	t.Helper()
	f, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // only read
	if _, err := io.ReadFull(f, make([]byte, len("up\n"))); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestPairEndsWhole: what a command began ends with the pair, too.
func TestPairEndsWhole(t *testing.T) {
	fifo, command := waiting(t, "sleep 1000 &", "wait")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error)
	go func() {
		_, err := (&AB{Commands: [2]string{command, "true"}, Pairs: 1}).Run(ctx)
		ended <- err
	}()
	held := up(t, fifo)
	stop()
	if _, err := io.ReadAll(held); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestPairEndsBehindItsCommand: what a command began, and left behind, ends with the
// pair as well.
func TestPairEndsBehindItsCommand(t *testing.T) {
	fifo, command := waiting(t, "sleep 1000 & echo $$ >&3;", "exit 0")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error)
	go func() {
		_, err := (&AB{Commands: [2]string{command, "true"}, Pairs: 1}).Run(ctx)
		ended <- err
	}()
	f, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // only read
	var shell int
	if _, err := fmt.Fscan(f, &shell); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); !errors.Is(syscall.Kill(shell, 0), syscall.ESRCH); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the shell does not end")
		}
	}
	stop()
	if _, err := io.ReadAll(f); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestPairEndsWithUs: a command does not outlive the process that runs it, even
// one that nothing could tell.
func TestPairEndsWithUs(t *testing.T) {
	fifo, command := waiting(t, "", "exec sleep 1000")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), asPair+"="+command)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	held := up(t, fifo)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Error(err)
	}
	if _, err := io.ReadAll(held); err != nil {
		t.Error(err)
	}
}
