//go:build crashpoints

package crash

import (
	"os"
	"strings"
	"syscall"
)

// At ends the process when this is the point that is armed. Nothing is flushed
// and nobody is told.
func At(p Point) {
	text, err := os.ReadFile(os.Getenv("FISHPLATE_CRASH"))
	if err != nil || strings.TrimSpace(string(text)) != string(p) {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until it arrives
}
