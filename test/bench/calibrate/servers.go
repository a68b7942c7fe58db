//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// server is one that is asked.
type server struct {
	name        string
	expressions int // that nginx tries for each request: they make it the limit, whoever asks
	ours        bool
}

func servers() []server {
	return []server{
		{name: "fishplate bench server", ours: true},
		{name: "nginx"},
		{name: "nginx, 200 expressions", expressions: 200},
		{name: "nginx, 1000 expressions", expressions: 1000},
	}
}

// One process, so that what it uses is one number.
const nginxConfig = `daemon off;
master_process off;
error_log stderr crit;
pid %[1]s/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  server { listen %[2]s backlog=4096; location / { %[3]s return 200 "hello\n"; } }
}
`

// start runs a server on the first processor and returns when it accepts.
func (s server) start(first []string, binary, dir, workload, address string) (pid int, stop func(), err error) {
	args := []string{binary, "bench", "server", workload, "--bind", address}
	if !s.ours {
		rules := ""
		for i := range s.expressions {
			rules += fmt.Sprintf("if ($request_uri ~ \"a+b*c%d\") { return 404; }\n", i)
		}
		path := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(path, fmt.Appendf(nil, nginxConfig, dir, address, rules), 0o644); err != nil {
			return 0, nil, err
		}
		args = []string{"nginx", "-c", path, "-p", dir}
	}
	cmd := on(first, "0", args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func() { _ = cmd.Process.Signal(syscall.SIGINT); <-ended }
	for range 500 {
		if c, err := net.Dial("tcp", address); err == nil {
			return cmd.Process.Pid, stop, c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	return 0, nil, errors.New("it does not accept")
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
