package harness

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
)

// TestPortsAreClaimed: a port that was given away is nobody else's, in this process
// and in others, also when nobody listens on it.
func TestPortsAreClaimed(t *testing.T) {
	if port, err := strconv.Atoi(os.Getenv("FISHPLATE_CLAIM")); err == nil { // the other process
		if claim(port) == nil {
			os.Exit(0)
		}
		os.Exit(3)
	}
	if runtime.GOOS != "linux" {
		t.Skip("claims of ports are missing: only Linux has them")
	}
	port := 1<<16 + rand.IntN(1<<40) // nobody's
	others := func() bool {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPortsAreClaimed$")
		cmd.Env = append(os.Environ(), "FISHPLATE_CLAIM="+strconv.Itoa(port))
		_ = cmd.Run() // the exit code says it
		return cmd.ProcessState.ExitCode() == 0
	}
	if !others() {
		t.Fatal("nobody has it, and it is refused")
	}
	if err := claim(port); err != nil {
		t.Fatal(err)
	}
	if others() {
		t.Error("another process got it too")
	}
	if claim(port) == nil {
		t.Error("it was given twice")
	}
	seen := map[string]bool{}
	for range 500 {
		addr := FreeAddr(t)
		if seen[addr] {
			t.Fatalf("%s was given twice", addr)
		}
		seen[addr] = true
	}
}
