//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"fishplate/test/bench/figures"
)

var (
	requestsLine = regexp.MustCompile(`(\d+) requests in ([0-9.]+)(\w+), ([0-9.]+)(\w+) read`)
	errorsLine   = regexp.MustCompile(`Socket errors: .*|Non-2xx or 3xx responses: .*`)
)

// loadWork measures by wrk: requests a second, or for large bodies MiB a second,
// and the server's CPU per request or per GiB.
func loadWork(path string, connections int, close bool) func(*bench, *system) (result, error) {
	var more []string
	if close {
		more = []string{"-H", "Connection: close"}
	}
	return func(b *bench, s *system) (result, error) { return b.load(s, path, connections, more...) }
}

// load runs wrk for one second to warm up, and then for a round.
func (b *bench) load(s *system, path string, connections int, more ...string) (result, error) {
	return b.loadWith(client{more: more}, s, path, connections)
}

// client is how wrk is run.
type client struct {
	more      []string
	sleepless string // a library that keeps it from sleeping
}

// awakeClient is a client that waits for answers without sleeping, so that the
// server need not wake it; see client/sleepless.c.
func (b *bench) awakeClient() (client, error) {
	c := client{sleepless: filepath.Join(b.dir, "sleepless.so")}
	if _, err := os.Stat(c.sleepless); err == nil {
		return c, nil
	}
	out, err := exec.Command("gcc", "-O2", "-shared", "-fPIC", "-o", c.sleepless, "test/bench/client/sleepless.c").CombinedOutput()
	if err != nil {
		return client{}, fmt.Errorf("build sleepless.c: %w: %s", err, out)
	}
	return c, nil
}

func (b *bench) loadWith(c client, s *system, path string, connections int) (result, error) {
	url := "http://" + s.addr + path
	if _, err := b.wrk(c, "1s", url, connections); err != nil {
		return result{}, fmt.Errorf("warm up: %w", err)
	}
	before := s.cpu()
	out, err := b.wrk(c, fmt.Sprintf("%ds", b.seconds), url, connections)
	if err != nil {
		return result{}, err
	}
	used := s.cpu() - before
	if bad := errorsLine.FindString(out); bad != "" {
		fmt.Printf("  note: %s: %s\n", s.name, bad)
	}
	return readWrk(out, used)
}

func (b *bench) wrk(c client, duration, url string, connections int) (string, error) {
	args := append([]string{"-c", "1", "wrk", "-t1", fmt.Sprintf("-c%d", connections), "-d" + duration}, c.more...)
	cmd := exec.Command("taskset", append(args, url)...)
	if c.sleepless != "" {
		cmd.Env = append(os.Environ(), "LD_PRELOAD="+c.sleepless)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("wrk: %w: %s", err, out)
	}
	return string(out), nil
}

func readWrk(out string, cpu float64) (result, error) {
	m := requestsLine.FindStringSubmatch(out)
	if m == nil {
		return result{}, fmt.Errorf("wrk printed no totals: %s", out)
	}
	n, _ := strconv.ParseFloat(m[1], 64)
	took, _ := time.ParseDuration(m[2] + m[3])
	read, _ := strconv.ParseFloat(m[4], 64)
	unit := map[string]float64{"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}[m[5]]
	if n == 0 {
		return result{}, errors.New("no request was answered")
	}
	if read*unit/n > 1<<20 {
		bytes := read * unit
		return result{Value: bytes / (1 << 20) / took.Seconds(), Unit: "MiB/s", CPU: cpu / (bytes / (1 << 30)), CPUU: "CPU-s per GiB"}, nil
	}
	return result{Value: n / took.Seconds(), Unit: "req/s", CPU: cpu / n * 1e6, CPUU: "CPU-µs per request"}, nil
}

const idleConnections = 10000

// idleWork opens connections that send one request each and then stay, waits
// until the server's memory is steady, and reports the bytes that each added.
// CPU holds the p99 of one active connection meanwhile, in microseconds.
func idleWork(_ *bench, s *system) (result, error) {
	client := http.Client{Timeout: 5 * time.Second}
	if _, err := client.Get("http://" + s.addr + "/128"); err != nil {
		return result{}, err
	}
	before := s.pss()
	conns := make([]net.Conn, 0, idleConnections)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	buf := make([]byte, 4096)
	for range idleConnections {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			return result{}, err
		}
		conns = append(conns, c)
		if _, err := io.WriteString(c, "GET /128 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return result{}, err
		}
		if _, err := c.Read(buf); err != nil {
			return result{}, err
		}
	}
	time.Sleep(4 * time.Second) // servers park and collect; part of the measure
	each := (s.pss() - before) / idleConnections
	p99, err := activeP99(s.addr)
	return result{Value: each, Unit: "bytes", CPU: p99, CPUU: "µs p99 of one active connection"}, err
}

func activeP99(addr string) (float64, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	r := bufio.NewReader(c)
	var took []float64
	for range 3000 {
		begin := time.Now()
		if _, err := io.WriteString(c, "GET /128 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return 0, err
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return 0, err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return 0, err
		}
		took = append(took, float64(time.Since(begin).Microseconds()))
	}
	return figures.Quantile(took, 0.99), nil
}

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// machineFacts is one line that says what ran.
func machineFacts() string {
	return figures.Machine([]string{"nginx", "-v"}, []string{"haproxy", "-v"}, []string{"varnishd", "-V"})
}
