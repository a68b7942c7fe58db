package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// Module returns the root folder of the module.
func Module() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find module: %w", err)
	}
	return string(out[:len(out)-1]), nil
}

// Binary builds the product once per test binary, with the race detector and
// invariants, and returns its path. FISHPLATE_BINARY names one to use instead.
var Binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("FISHPLATE_BINARY"); path != "" {
		return path, nil
	}
	return build("1", "-race", "-tags", "invariant")
})

// plain builds the product as it is shipped.
var plain = sync.OnceValues(func() (string, error) { return build("0") })

// crashing builds the product with points at which it ends itself.
var crashing = sync.OnceValues(func() (string, error) {
	return build("0", "-tags", "invariant,crashpoints")
})

func build(cgo string, flags ...string) (string, error) {
	root, err := Module()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "fishplate-test-bin")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "fishplate")
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, "./cmd/fishplate")...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
}
