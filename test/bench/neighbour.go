//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"fishplate/test/bench/figures"
)

const (
	spinners = 128
	// besideMost is how much the spinners may add to the neighbour's p99.
	besideMost = 5000.0 // µs
)

const neighbourConf = `tenant "spins" {
  program      = "%[1]s"
  instructions = 20000000
  time         = "30s"
}
tenant "other" {
  program      = "%[1]s"
  instructions = 20000000
  time         = "30s"
}
tenant "short" { program = "%[2]s" }
vhost "spins" {
  hosts   = ["spins.test"]
  tenant  = "spins"
  backend = "o"
}
vhost "other" {
  hosts   = ["other.test"]
  tenant  = "other"
  backend = "o"
}
vhost "short" {
  hosts   = ["short.test"]
  tenant  = "short"
  backend = "o"
}
`

// guestConf is the part of Fishplate's configuration that neighbour needs.
func guestConf() (string, error) {
	loop, err := filepath.Abs("test/guests/loop.elf")
	if err != nil {
		return "", err
	}
	hello, err := filepath.Abs("sdk/examples/hello.elf")
	return fmt.Sprintf(neighbourConf, loop, hello), err
}

// neighbourWork measures one tenant's short requests beside connections of
// another tenant that spin until their budget is spent. Value is the p99 beside
// them, CPU the p99 alone.
func neighbourWork(b *bench, s *system) (result, error) {
	alone, err := shortP99(s.addr, time.Duration(b.seconds)*time.Second)
	if err != nil {
		return result{}, err
	}
	load := exec.Command("taskset", "-c", "1", "wrk", "-t1", fmt.Sprintf("-c%d", spinners), fmt.Sprintf("-d%ds", b.seconds+2),
		"-H", "Host: spins.test", "http://"+s.addr+"/loop")
	if err := load.Start(); err != nil {
		return result{}, err
	}
	defer func() { _ = load.Wait() }() // it ends by itself, and its figures are nobody's business
	time.Sleep(time.Second)            // until every connection spins
	beside, err := shortP99(s.addr, time.Duration(b.seconds)*time.Second)
	return result{Value: beside, Unit: "µs p99 beside", CPU: alone, CPUU: "µs p99 alone"}, err
}

// shortP99 asks the short tenant for that long and returns the p99 in µs.
func shortP99(addr string, d time.Duration) (float64, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	r := bufio.NewReader(c)
	var took []float64
	for end := time.Now().Add(d); time.Now().Before(end); {
		begin := time.Now()
		if _, err := io.WriteString(c, "GET /128 HTTP/1.1\r\nHost: short.test\r\n\r\n"); err != nil {
			return 0, err
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return 0, err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return 0, err
		}
		if resp.StatusCode >= 500 {
			return 0, fmt.Errorf("the neighbour is answered %s", resp.Status)
		}
		took = append(took, float64(time.Since(begin).Microseconds()))
	}
	return figures.Quantile(took, 0.99), nil
}

// printNeighbour prints medians and judges what the spinners add.
func printNeighbour(w work, results []result) {
	var alone, beside []float64
	for _, r := range results {
		alone, beside = append(alone, r.CPU), append(beside, r.Value)
	}
	a, b := figures.Median(alone), figures.Median(beside)
	fmt.Printf("%s\n  fishplate  p99 alone %.0f µs, beside %.0f µs  (at most %.0f µs more: %s)\n\n",
		w.title, a, b, besideMost, figures.Verdict(b <= a+besideMost))
}
