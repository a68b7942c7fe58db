package desk

import (
	"bufio"
	"context"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// debugged runs GDB on a free port and returns how to reach it.
func debugged(ctx context.Context, t *testing.T) (address string, end chan int) {
	t.Helper()
	said, print := io.Pipe()
	end = make(chan int, 1)
	path := endless(t)
	r := &Run{Path: path, Args: []string{"loop"}, Memory: 64 << 20, Stdout: io.Discard, Stderr: print}
	go func() {
		status, err := r.GDB(ctx, "127.0.0.1:0")
		if err != nil {
			t.Error(err)
		}
		print.Close()
		end <- status
	}()
	lines := bufio.NewReader(said)
	line, err := lines.ReadString('\n')
	m := regexp.MustCompile(`^connect with: gdb-multiarch -ex 'target remote (\S+)' ` + regexp.QuoteMeta(path) + `\n$`).FindStringSubmatch(line)
	if err != nil || m == nil {
		t.Fatalf("said %q, %v", line, err)
	}
	go io.Copy(io.Discard, lines) // what is said later must not block it
	return m[1], end
}

// ask connects, sends a packet and returns the beginning of the answer.
func ask(t *testing.T, address, packet, want string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil { // a test that fails shall not hang
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, packet); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len(want))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != want {
		t.Errorf("%s: got %q, %v, want %q", packet, answer, err, want)
	}
}

func TestGDB(t *testing.T) {
	address, end := debugged(t.Context(), t)
	ask(t, address, "$D#44", "+$OK#9a") // leaves, and another one comes
	ask(t, address, "$?#3f", "+$T05thread:1;")
	ask(t, address, "$k#6b", "+")
	if status := <-end; status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestGDBIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	address, end := debugged(ctx, t)
	ask(t, address, "$c#63", "+") // goes while the program runs
	cancel()
	if status := <-end; status != StatusInterrupted {
		t.Errorf("status %d", status)
	}
}

func TestGDBRefuses(t *testing.T) {
	for path, want := range map[string]string{
		"absent.elf":  "read guest absent.elf",
		"gdb_test.go": "bad ELF magic",
	} {
		r := &Run{Path: path, Args: []string{path}, Memory: 64 << 20, Stdout: io.Discard, Stderr: io.Discard}
		if _, err := r.GDB(t.Context(), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("gdb %s: %v", path, err)
		}
		if _, err := r.Profile(t.Context(), t.TempDir()+"/out"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("profile %s: %v", path, err)
		}
	}
}

func TestProfileOfAnEndlessProgram(t *testing.T) {
	var said strings.Builder
	r := &Run{Path: endless(t), Args: []string{"loop"}, Memory: 64 << 20, Budget: 100_000, Stdout: &said, Stderr: &said}
	status, err := r.Profile(t.Context(), t.TempDir()+"/out")
	if err != nil || !strings.Contains(said.String(), "instructions in") {
		t.Errorf("%v: %s", err, said.String())
	}
	if status != StatusStopped {
		t.Errorf("status %d: %s", status, said.String())
	}
}
