package serve

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"runtime"
)

// Options say what to serve.
type Options struct {
	Address        string // host:port; port 0 takes a free one
	Protocol       string // echo, close, http, ws
	Plain          bool   // threads and epoll instead of the product's accept path
	SingleAcceptor bool   // one thread accepts for all
	Backlog        int    // 0 is 65535; the kernel cuts it to net.core.somaxconn
	TLS            *tls.Config
}

// Server answers until Close.
type Server struct {
	Address netip.AddrPort
	// Acceptors are the threads that accept; none when goroutines do, which have
	// no thread of their own.
	Acceptors []int
	Listeners int // sockets that share the port
	Workers   int // threads that answer
	close     func()
}

// Close ends the connections and awaits the threads.
func (s *Server) Close() { s.close() }

// Start opens the sockets and serves.
func Start(o Options) (*Server, error) {
	t, err := talks(o.Protocol)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	var s *Server
	if o.Plain && o.TLS == nil {
		s, err = startPlain(o, t)
	} else {
		s, err = startPaved(o, t)
	}
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	return s, nil
}

func processors() int { return runtime.NumCPU() }
