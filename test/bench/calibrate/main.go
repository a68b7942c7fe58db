//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fishplate/internal/bench"
)

// row is one server asked in one way by both.
type row struct {
	Server   string    `json:"server"`
	Workload string    `json:"workload"`
	Wrk      []float64 `json:"wrk"`
	Ours     []float64 `json:"ours"`
	Ratio    float64   `json:"ratio"` // ours to wrk's
	Low      float64   `json:"low"`
	High     float64   `json:"high"`
}

// slow is a server that is the limit whoever asks it, so that both must find the
// same: nginx with a thousand expressions to try for each request.
const (
	slow        = "nginx, slow"
	expressions = 1000
)

// near is how far the two may be apart.
const near = 0.1

func main() {
	binary := flag.String("fishplate", "bin/fishplate", "the binary")
	rounds := flag.Int("rounds", 5, "pairs of each row")
	seconds := flag.Int("seconds", 2, "length of one measurement")
	out := flag.String("out", "test/bench/results", "folder for the results")
	alone := flag.Bool("alone", false, "servers and clients before all other processes (chrt -r), on a machine that has other work")
	flag.Parse()
	first := []string{"taskset", "-c"}
	if *alone {
		first = []string{"chrt", "-r", "1", "taskset", "-c"}
	}
	if err := run(first, *binary, *out, *rounds, *seconds); err != nil {
		fmt.Fprintln(os.Stderr, "calibrate:", err)
		os.Exit(1)
	}
}

func run(first []string, binary, out string, rounds, seconds int) error {
	dir, err := os.MkdirTemp("", "calibrate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var rows []row
	for _, server := range []string{"fishplate bench server", "nginx", slow} {
		for _, workload := range []string{"http-keepalive", "http-close"} {
			r, err := compare(first, binary, dir, server, workload, rounds, seconds)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", server, workload, err)
			}
			say := ""
			if r.Ratio < 1-near || r.Ratio > 1+near {
				say = "  more than a tenth apart"
			}
			fmt.Printf("%-22s  %-14s  wrk %8.0f  ours %8.0f  ours/wrk %.3f (%.3f … %.3f)%s\n", server, workload, mean(r.Wrk), mean(r.Ours), r.Ratio, r.Low, r.High, say)
			rows = append(rows, r)
		}
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(map[string]any{"at": time.Now().UTC().Format(time.RFC3339), "rows": rows, "load": strings.TrimSpace(string(load))}, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(out, "calibrate-"+time.Now().UTC().Format("20060102-150405")+".json")
	fmt.Println("written to", name)
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

func mean(list []float64) (m float64) {
	for _, v := range list {
		m += v / float64(len(list))
	}
	return m
}

// compare asks one server by both clients in turn, each pair in the other order.
func compare(first []string, binary, dir, server, workload string, rounds, seconds int) (row, error) {
	address, err := freeAddress()
	if err != nil {
		return row{}, err
	}
	stop, err := start(first, binary, dir, server, workload, address)
	if err != nil {
		return row{}, err
	}
	defer stop()
	r := row{Server: server, Workload: workload}
	wrk := "wrk -t1 -c64 -d" + strconv.Itoa(seconds) + "s http://" + address + "/"
	if workload == "http-close" {
		wrk += " -H 'Connection: close'"
	}
	ours := fmt.Sprintf("%s bench %s --server %s -c 64 --threads 1 --sources 0 --duration %ds --repeat 1 --json", binary, workload, address, seconds)
	for i := range rounds {
		for turn := range 2 {
			if (i+turn)%2 == 0 {
				err = measure(first, &r.Wrk, wrk, wrkRate)
			} else {
				err = measure(first, &r.Ours, ours, ourRate)
			}
			if err != nil {
				return row{}, err
			}
		}
	}
	c := bench.Paired(r.Wrk, r.Ours)
	r.Ratio, r.Low, r.High = c.Ratio, c.Low, c.High
	return r, nil
}

// on is a command that is pinned to a processor.
func on(first []string, processor string, args ...string) *exec.Cmd {
	all := append(append(slices.Clone(first), processor), args...)
	return exec.Command(all[0], all[1:]...)
}

// measure runs a client on the second processor.
func measure(first []string, into *[]float64, command string, rate func(out []byte) (float64, error)) error {
	out, err := on(first, "1", "sh", "-c", "exec "+command).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, out)
	}
	v, err := rate(out)
	if err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, out)
	}
	*into = append(*into, v)
	return nil
}

func wrkRate(out []byte) (float64, error) {
	m := regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		return 0, errors.New("no rate")
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

func ourRate(out []byte) (float64, error) {
	var r bench.Result
	if err := json.Unmarshal(out, &r); err != nil {
		return 0, err
	}
	if r.Totals.Errors > 0 {
		return 0, fmt.Errorf("errors: %v", r.Errors)
	}
	return r.Rate.Mean, nil
}

const nginxConfig = `daemon off;
worker_processes 1;
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
func start(first []string, binary, dir, server, workload, address string) (stop func(), err error) {
	args := []string{binary, "bench", "server", workload, "--bind", address}
	if server != "fishplate bench server" {
		rules := ""
		if server == slow {
			for i := range expressions {
				rules += fmt.Sprintf("if ($request_uri ~ \"a+b*c%d\") { return 404; }\n", i)
			}
		}
		path := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(path, fmt.Appendf(nil, nginxConfig, dir, address, rules), 0o644); err != nil {
			return nil, err
		}
		args = []string{"nginx", "-c", path, "-p", dir}
	}
	cmd := on(first, "0", args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func() { _ = cmd.Process.Signal(syscall.SIGINT); <-ended }
	for range 500 {
		if c, err := net.Dial("tcp", address); err == nil {
			return stop, c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	return nil, errors.New("it does not accept")
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
