//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"fishplate/test/bench/figures"
)

// shareLeast is the least part of the instructions for a tenant with an equal
// share, however many connections the other has.
const shareLeast = 0.45

// shareWork lets one tenant spin on 128 connections and another on 4, and counts
// the instructions of both. Value is the other's part in hundredths.
func shareWork(b *bench, s *system) (result, error) {
	wrk := func(connections int, host, path string) *exec.Cmd {
		return exec.Command("taskset", "-c", "1", "wrk", "-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", b.seconds+3),
			"--timeout", "30s", "-H", "Host: "+host, "http://"+s.addr+path)
	}
	var loads []*exec.Cmd
	for _, cmd := range []*exec.Cmd{wrk(spinners, "spins.test", "/loop"), wrk(4, "other.test", "/loop")} {
		if err := cmd.Start(); err != nil {
			return result{}, err
		}
		loads = append(loads, cmd)
	}
	defer func() {
		for _, cmd := range loads {
			_ = cmd.Wait() // its figures are nobody's business
		}
	}()
	time.Sleep(time.Second) // until all spin
	begin, err := s.instructions()
	if err != nil {
		return result{}, err
	}
	used := s.cpu()
	time.Sleep(time.Duration(b.seconds) * time.Second)
	used = s.cpu() - used
	end, err := s.instructions()
	if err != nil {
		return result{}, err
	}
	spins, other := end["spins"]-begin["spins"], end["other"]-begin["other"]
	if spins+other == 0 {
		return result{}, fmt.Errorf("nobody ran")
	}
	return result{Value: 100 * other / (spins + other), Unit: "% of the instructions", CPU: (spins + other) / 1e6 / used, CPUU: "million instructions a CPU second"}, nil
}

// instructions reads what each tenant ran so far.
func (s *system) instructions() (map[string]float64, error) {
	resp, err := s.socket().Get("http://socket/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	found := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), `fishplate_tenant_instructions_total{tenant="`)
		if !ok {
			continue
		}
		name, value, _ := strings.Cut(rest, `"} `)
		if found[name], err = strconv.ParseFloat(value, 64); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func printShare(w work, results []result) {
	var part, speed []float64
	for _, r := range results {
		part, speed = append(part, r.Value/100), append(speed, r.CPU)
	}
	p := figures.Median(part)
	fmt.Printf("%s\n  fishplate  %.3f of %.0f million instructions a CPU second  (at least %.2f: %s)\n\n",
		w.title, p, figures.Median(speed), shareLeast, figures.Verdict(p >= shareLeast))
}
