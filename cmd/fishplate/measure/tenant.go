package measure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"fishplate/internal/bench"
)

// The host whose tenant answers, and the path for which it does so by itself.
const (
	tenantHost = "hello.example"
	tenantPath = "/hello"
)

// tenantConfig serves one tenant, on shards as by default, without a log.
const tenantConfig = `admin {
  socket = %q
}
state {
  dir = %q
}
log "access" {
  path = "off"
}
listener "web" {
  bind = [%q]
}
backend "none" {
  server "none" {
    address = "127.0.0.1:9"
  }
}
tenant "hello" {
  program = "hello.elf"
}
vhost "hello" {
  hosts   = [%q]
  tenant  = "hello"
  backend = "none"
}
`

// serveTenant runs the product in this process, with a tenant's program that
// makes its answers. Once it answers it has read what it needs of its folder,
// and the folder goes: however the process ends later, nothing is left behind.
func (d Desk) serveTenant(ctx context.Context, o bench.ServerOptions) (bench.Server, func(), error) {
	dir, err := os.MkdirTemp("", "fishplate-bench")
	if err != nil {
		return bench.Server{}, nil, fmt.Errorf("make folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what cannot be removed is as good as what is read
	path := filepath.Join(dir, "bench.hcl")
	text := fmt.Sprintf(tenantConfig, filepath.Join(dir, "admin.sock"), filepath.Join(dir, "state"), o.Address, tenantHost)
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "hello.elf"), d.Program, 0o600)); err != nil {
		return bench.Server{}, nil, err
	}
	serving, cancel := context.WithCancel(ctx)
	ready, ended := make(chan string, 1), make(chan error, 1)
	log := &tail{}
	go func() { ended <- d.Serve(serving, path, log, func(address string) { ready <- address }) }()
	select {
	case address := <-ready:
		return bench.Server{Address: address, PID: os.Getpid()}, func() { cancel(); <-ended }, nil
	case err := <-ended:
		cancel()
		if err == nil { // it was told to end
			return bench.Server{}, nil, fmt.Errorf("serve tenant: %w", context.Canceled)
		}
		// Not wrapped: that error counts on what was said to the log.
		return bench.Server{}, nil, fmt.Errorf("serve tenant: %v: %s", err, bytes.TrimSpace(log.kept))
	}
}

// tail keeps the last that was written to it.
type tail struct{ kept []byte }

const tailMost = 4 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	t.kept = append(t.kept[:0], t.kept[max(0, len(t.kept)-tailMost):]...)
	return len(b), nil
}
