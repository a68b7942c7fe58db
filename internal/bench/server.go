package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"fishplate/internal/bench/outcome"
	"fishplate/internal/bench/serve"
)

// ServerOptions say what the built-in server answers.
type ServerOptions struct {
	Address        string
	Workload       string
	Plain          bool
	SingleAcceptor bool
	Backlog        int
}

// Starter starts a server and returns its description and what stops it.
type Starter func(ctx context.Context, o ServerOptions) (Server, func(), error)

// StartServer is the Starter of the built-in server, in this process.
func StartServer(_ context.Context, o ServerOptions) (Server, func(), error) {
	w, err := find(o.Workload)
	if err != nil {
		return outcome.Server{}, nil, err
	}
	if w.Protocol == "" {
		return outcome.Server{}, nil, fmt.Errorf("%s is answered by the product, not by a server of this package", w.Name)
	}
	so := serve.Options{
		Address: o.Address, Protocol: w.Protocol, Plain: o.Plain, SingleAcceptor: o.SingleAcceptor, Backlog: o.Backlog,
	}
	if w.TLS {
		if so.TLS, err = serve.Certificate("bench.example"); err != nil {
			return outcome.Server{}, nil, err
		}
	}
	s, err := serve.Start(so)
	if err != nil {
		return outcome.Server{}, nil, err
	}
	return outcome.Server{
		Address: s.Address.String(), PID: os.Getpid(), Listeners: s.Listeners, Workers: s.Workers, Acceptors: s.Acceptors,
	}, s.Close, nil
}

// Serve serves until the context ends, or in does unless it is nil. tell is
// called once with the server's description.
func Serve(ctx context.Context, start Starter, o ServerOptions, in io.Reader, tell func(Server) error) error {
	description, stop, err := start(ctx, o)
	if err != nil {
		return fmt.Errorf("bench server: %w", err)
	}
	defer stop()
	if err := tell(description); err != nil {
		return fmt.Errorf("bench server: %w", err)
	}
	ended := make(chan struct{})
	if in != nil {
		// It ends with its input, or with the process.
		go func() { _, _ = io.Copy(io.Discard, in); close(ended) }()
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	return nil
}

// spawn runs the server as a process of its own: only so can what it uses be told
// from what the client uses. It ends with its input, which nobody but this process
// holds open: however this one ends, that one follows.
func spawn(ctx context.Context, o ServerOptions) (server outcome.Server, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return server, nil, fmt.Errorf("find this program: %w", err)
	}
	args := []string{"bench", "server", o.Workload, "--bind", o.Address, "--backlog", strconv.Itoa(o.Backlog), "--until-eof", "--json"}
	if o.Plain {
		args = append(args, "--plain")
	}
	if o.SingleAcceptor {
		args = append(args, "--single-acceptor")
	}
	// An interrupt at the terminal is for us: the server goes on until it has been
	// looked at for the last time, and ends with its input.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return server, nil, fmt.Errorf("start server: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return server, nil, fmt.Errorf("start server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return server, nil, fmt.Errorf("start server: %w", err)
	}
	stop = func() {
		_ = in.Close() // its end is how the server learns
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &server)
	}
	if err != nil {
		stop()
		return server, nil, errors.New("start server: it ended at once")
	}
	return server, stop, nil
}
