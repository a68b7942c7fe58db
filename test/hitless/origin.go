package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"fishplate/test/harness"
)

// A download is chunks of chunkSize, so many a second that it takes its time.
const (
	chunkSize  = 16 << 10
	chunks     = 60
	chunkPause = 100 * time.Millisecond
)

// runOrigin is the process of one server; it is killed by others.
func runOrigin(addr, name string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-From", name)
		_, _ = io.WriteString(w, "hello")
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-From", name)
		w.Header().Set("Content-Length", fmt.Sprint(chunkSize*chunks))
		// No pause after the last: to the other side the connection is free when it has
		// all bytes, and the next request would wait on it for the end of this one.
		for i := range chunks {
			if i > 0 {
				time.Sleep(chunkPause)
			}
			if _, err := io.WriteString(w, strings.Repeat("x", chunkSize)); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
	})
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-From", name)
		harness.Echo(w, r)
	})
	return http.Serve(l, mux)
}

// origins are the servers behind what is tested.
type origins struct {
	self  string // this program
	addrs []string
	floor string // of one that nobody kills and no system knows

	mu     sync.Mutex
	procs  []*exec.Cmd
	killed map[string][]time.Time // when, by name
}

func originName(i int) string { return fmt.Sprint("s", i) }

func startOrigins(self string, n int) (*origins, error) {
	o := &origins{self: self, procs: make([]*exec.Cmd, n+1), killed: map[string][]time.Time{}, floor: freeAddr()}
	for range n {
		o.addrs = append(o.addrs, freeAddr())
	}
	for i := range n + 1 {
		if err := o.start(i); err != nil {
			o.stop()
			return nil, err
		}
	}
	return o, nil
}

func (o *origins) start(i int) error {
	addr := o.floor
	if i < len(o.addrs) {
		addr = o.addrs[i]
	}
	cmd := exec.Command(o.self)
	cmd.Env = append(os.Environ(), "HITLESS_ORIGIN="+addr, "HITLESS_NAME="+originName(i))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	o.mu.Lock()
	o.procs[i] = cmd
	o.mu.Unlock()
	return await(addr)
}

// kill ends a server as kill -9 does, and starts it again a moment later.
func (o *origins) kill(i int) error {
	o.mu.Lock()
	cmd := o.procs[i]
	o.killed[originName(i)] = append(o.killed[originName(i)], time.Now())
	o.mu.Unlock()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	time.Sleep(500 * time.Millisecond)
	return o.start(i)
}

// fell reports whether the server was killed between the times; any server for "".
func (o *origins) fell(name string, from, to time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n, times := range o.killed {
		for _, t := range times {
			if (name == "" || n == name) && t.After(from.Add(-time.Second)) && t.Before(to.Add(time.Second)) {
				return true
			}
		}
	}
	return false
}

func (o *origins) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, cmd := range o.procs {
		if cmd != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
}

func freeAddr() string {
	l, err := harness.ListenLow()
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await waits until somebody listens.
func await(addr string) error {
	var err error
	for range 500 {
		var c net.Conn
		if c, err = net.DialTimeout("tcp", addr, time.Second); err == nil {
			return c.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("wait for %s: %w", addr, err)
}
