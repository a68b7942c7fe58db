//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"fishplate/internal/bench"
)

// client is one generator of load.
type client struct {
	name string
	// command asks address for that many seconds, keeping connections or not;
	// empty when it cannot.
	command func(address string, stay bool, seconds int) string
	rate    func(out []byte) (float64, error)
}

// connections is what each of them keeps in flight, with one thread.
const connections = 64

// clients returns ours, and those of the others that are installed; wrk must be.
func clients(binary string) (list []client, err error) {
	all := []client{
		{"ours", func(address string, stay bool, seconds int) string {
			workload := "http-close"
			if stay {
				workload = "http-keepalive"
			}
			return fmt.Sprintf("%s bench %s --server %s -c %d --threads 1 --sources 0 --duration %ds --repeat 1 --json", binary, workload, address, connections, seconds)
		}, ourRate},
		{"wrk", func(address string, stay bool, seconds int) string {
			return fmt.Sprintf("wrk -t1 -c%d -d%ds%s http://%s/", connections, seconds, choose(stay, "", " -H 'Connection: close'"), address)
		}, find(`Requests/sec:\s+([0-9.]+)`)},
		{"ab", func(address string, stay bool, seconds int) string {
			return fmt.Sprintf("ab -q%s -t %d -n 100000000 -c %d http://%s/", choose(stay, " -k", ""), seconds, connections, address)
		}, find(`Requests per second:\s+([0-9.]+)`)},
		{"h2load", func(address string, stay bool, seconds int) string {
			if !stay {
				return "" // it has no connection for each request
			}
			return fmt.Sprintf("h2load --h1 -t1 -c%d -D %d http://%s/", connections, seconds, address)
		}, find(`, ([0-9.]+) req/s`)},
	}
	for _, c := range all {
		if _, err := exec.LookPath(c.name); c.name == "ours" || err == nil {
			list = append(list, c)
		} else if c.name == "wrk" {
			return nil, err
		} else {
			fmt.Println("without", c.name+":", err)
		}
	}
	return list, nil
}

func choose(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

func find(expression string) func(out []byte) (float64, error) {
	e := regexp.MustCompile(expression)
	return func(out []byte) (float64, error) {
		m := e.FindSubmatch(out)
		if m == nil {
			return 0, errors.New("no rate")
		}
		return strconv.ParseFloat(string(m[1]), 64)
	}
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

// on is a command that is pinned to a processor.
func on(first []string, processor string, args ...string) *exec.Cmd {
	all := append(append(slices.Clone(first), processor), args...)
	return exec.Command(all[0], all[1:]...)
}

// measure runs a client on the second processor. In the middle of it, what both
// processes use of theirs is looked at.
func measure(first []string, c client, command string, server int, into *figures) error {
	cmd := on(first, "1", "sh", "-c", "exec "+command)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(time.Second) // what a client does first is over
	begin, client, serving := time.Now(), worked(cmd.Process.Pid), worked(server)
	time.Sleep(700 * time.Millisecond)
	took := float64(time.Since(begin))
	still, serverShare := worked(cmd.Process.Pid), (worked(server)-serving)/took
	err := cmd.Wait()
	rate := 0.0
	if err == nil {
		rate, err = c.rate([]byte(out.String()))
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, out.String())
	}
	into.Rates = append(into.Rates, rate)
	if still > client { // else its thread ended before we had another look
		into.Client = append(into.Client, (still-client)/took)
		into.Server = append(into.Server, serverShare)
	}
	return nil
}

// worked is the time that the threads of a process have had, in nanoseconds.
func worked(pid int) (all float64) {
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0
	}
	for _, name := range list {
		if b, err := os.ReadFile(name); err == nil {
			first, _, _ := strings.Cut(string(b), " ")
			v, err := strconv.ParseFloat(first, 64)
			if err == nil {
				all += v
			}
		}
	}
	return all
}
