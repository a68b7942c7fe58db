package measure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

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

// serveTenant runs the product itself, as a process, with a tenant's program
// that makes its answers.
func serveTenant(program []byte) func(ctx context.Context, o bench.ServerOptions) (bench.Server, func(), error) {
	return func(ctx context.Context, _ bench.ServerOptions) (bench.Server, func(), error) {
		var server bench.Server
		var end func()
		dir, err := os.MkdirTemp("", "fishplate-bench")
		if err != nil {
			return server, nil, fmt.Errorf("make folder: %w", err)
		}
		remove := func() { _ = os.RemoveAll(dir) }
		address, err := freeAddress()
		if err == nil {
			path := filepath.Join(dir, "bench.hcl")
			text := fmt.Sprintf(tenantConfig, filepath.Join(dir, "admin.sock"), filepath.Join(dir, "state"), address, tenantHost)
			err = errors.Join(os.WriteFile(path, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "hello.elf"), program, 0o600))
			if err == nil {
				server.Address = address
				server.PID, end, err = start(ctx, address, path)
			}
		}
		if err != nil {
			remove()
			return server, nil, fmt.Errorf("start tenant: %w", err)
		}
		return server, func() { end(); remove() }, nil
	}
}

// freeAddress returns a loopback address whose port is free at the moment.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start runs serve and returns when it accepts.
func start(ctx context.Context, address, path string) (pid int, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, nil, err
	}
	cmd := exec.CommandContext(ctx, self, "serve", path)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func() {
		// A second one makes it end without waiting for the idle connections.
		for range 2 {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-ended:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
		<-ended
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return cmd.Process.Pid, stop, nil
		}
		select {
		case <-ended:
			return 0, nil, errors.New("it ended at once: fishplate check says why")
		case <-ctx.Done():
			stop()
			return 0, nil, ctx.Err()
		case <-tick.C:
		}
	}
}
