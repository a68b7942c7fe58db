//go:build linux

package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"fishplate/test/bench/figures"
)

const (
	scaleCores = 2
	scaleBar   = 1.8
	scaleTime  = 100 * time.Millisecond
	scaleTurns = 9
)

// A pace is how much a second so many cores do at once.
type pace struct {
	Work  string  `json:"work"`
	Cores int     `json:"cores"`
	Wall  float64 `json:"perSecond"`
	CPU   float64 `json:"perCPUSecond"` // summed over the cores; other work on the machine does not slow it
}

// The works of which two cores should do twice as much as one.
const (
	scaleForks = "fork, call, reset"
	scaleFloor = "the same machine again and again" // shares nothing: what the host's cores can do
)

// scale compares two cores with one, and with what two cores can do at all.
func (f *frozen) scale(fields map[string]any) error {
	if runtime.NumCPU() < scaleCores {
		fmt.Println("two cores: this machine has one")
		return nil
	}
	var all []pace
	for range scaleTurns {
		for _, work := range []string{scaleForks, scaleFloor} {
			for cores := 1; cores <= scaleCores; cores++ {
				p, err := f.paceOf(work, cores)
				if err != nil {
					return err
				}
				all = append(all, p)
			}
		}
	}
	fields["scale"] = all
	forks, forksWall := speedup(all, scaleForks)
	floor, floorWall := speedup(all, scaleFloor)
	fmt.Printf("two cores do %.2f× of one by CPU time, %.2f× by the wall  (at least %.1f: %s); machines that share nothing do %.2f×, %.2f×\n\n",
		forks, forksWall, scaleBar, figures.Verdict(max(forks, forksWall) >= scaleBar), floor, floorWall)
	return nil
}

// speedup is how much more two cores do than one.
func speedup(all []pace, work string) (cpu, wall float64) {
	var byCPU, byWall [scaleCores + 1][]float64
	for _, p := range all {
		if p.Work == work {
			byCPU[p.Cores] = append(byCPU[p.Cores], p.CPU)
			byWall[p.Cores] = append(byWall[p.Cores], p.Wall)
		}
	}
	return figures.Median(byCPU[scaleCores]) / figures.Median(byCPU[1]), figures.Median(byWall[scaleCores]) / figures.Median(byWall[1])
}

// paceOf does a work on so many cores at once, each with a goroutine of its own.
func (f *frozen) paceOf(work string, cores int) (pace, error) {
	shares := make(chan pace, cores)
	errs := make(chan error, cores)
	for core := range cores {
		go func() { // ends after scaleTime; its thread ends with it, since it stays locked
			p, err := f.share(work, core)
			shares <- p
			errs <- err
		}()
	}
	sum := pace{Work: work, Cores: cores}
	var err error
	for range cores {
		p := <-shares
		sum.Wall += p.Wall
		sum.CPU += p.CPU
		err = errors.Join(err, <-errs)
	}
	return sum, err
}

// share does a work on one core for scaleTime.
func (f *frozen) share(work string, core int) (p pace, err error) {
	if err := pin(core); err != nil {
		return p, err
	}
	own, err := f.image.Fork()
	if err != nil {
		return p, err
	}
	defer own.Close()
	use := f.use
	if work == scaleFloor {
		use = func() error { return f.work(own, 1) }
	}
	n, begin, cpu := 0, time.Now(), cpuTime()
	for ; time.Since(begin) < scaleTime; n += 100 {
		for range 100 {
			if err := use(); err != nil {
				return p, err
			}
		}
	}
	return pace{Wall: float64(n) / time.Since(begin).Seconds(), CPU: float64(n) / (cpuTime() - cpu).Seconds()}, nil
}

// use takes a fork, lets it store to a page and gives it back.
func (f *frozen) use() error {
	m, err := f.image.Fork()
	if err != nil {
		return err
	}
	if err := f.work(m, 1); err != nil {
		return err
	}
	m.Close()
	return nil
}
