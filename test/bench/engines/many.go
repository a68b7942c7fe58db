//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"fishplate/riscv"
	"fishplate/test/bench/figures"
)

const (
	manyCount = 10000 // forks alive at once
	manyMost  = 200.0 // MiB that they may hold
	scaleMost = 2     // cores
	scaleBar  = 1.8
	scaleTime = 100 * time.Millisecond
	scalePair = 9 // turns of one core and two
)

// manyForks measures what forks hold at rest, and how two cores share the work.
func manyForks(file []byte, fields map[string]any) error {
	f, err := newFrozen(file, variants()[0].options)
	if err != nil {
		return err
	}
	defer f.close()
	if err := f.hold(fields); err != nil {
		return fmt.Errorf("%d forks: %w", manyCount, err)
	}
	return f.scale(fields)
}

// hold keeps forks alive that have each stored to one page.
func (f *frozen) hold(fields map[string]any) error {
	debug.FreeOSMemory()
	before, mapsBefore, err := resident()
	if err != nil {
		return err
	}
	forks := make([]*riscv.Machine, 0, manyCount)
	defer func() {
		for _, m := range forks {
			m.Close()
		}
	}()
	for range manyCount {
		m, err := f.image.Fork()
		if err != nil {
			return err
		}
		forks = append(forks, m)
		if err := f.work(m, 1); err != nil {
			return err
		}
	}
	after, maps, err := resident()
	if err != nil {
		return err
	}
	limit, err := os.ReadFile("/proc/sys/vm/max_map_count")
	if err != nil {
		return err
	}
	mib := float64(after-before) / (1 << 20)
	fmt.Printf("%d forks alive, each with a page dirtied: %.0f MiB resident with page tables  (at most %.0f: %s), %d mappings of %s\n",
		manyCount, mib, manyMost, figures.Verdict(mib <= manyMost), maps-mapsBefore, strings.TrimSpace(string(limit)))
	fields["many"] = map[string]any{"forks": manyCount, "mib": mib, "mappings": maps - mapsBefore}
	return nil
}

// resident returns the bytes of this process in memory, its page tables
// included, and its mappings.
func resident() (bytes int64, maps int, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if len(f) == 3 && (f[0] == "VmRSS:" || f[0] == "VmPTE:") {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				return 0, 0, err
			}
			bytes += kb << 10
		}
	}
	list, err := os.ReadFile("/proc/self/maps")
	return bytes, strings.Count(string(list), "\n"), err
}

// A pace is how often a second one core, and two at once, take a fork, call and
// give it back.
type pace struct {
	Cores int     `json:"cores"`
	Wall  float64 `json:"perSecond"`
	CPU   float64 `json:"perCPUSecond"` // summed over the cores; other work on the machine does not slow it
}

func (f *frozen) scale(fields map[string]any) error {
	if runtime.NumCPU() < scaleMost {
		fmt.Println("two cores: this machine has one")
		return nil
	}
	var all []pace
	wall, cpu := map[int][]float64{}, map[int][]float64{}
	for range scalePair {
		for cores := 1; cores <= scaleMost; cores++ {
			p, err := f.paceOf(cores)
			if err != nil {
				return err
			}
			all = append(all, p)
			wall[cores] = append(wall[cores], p.Wall)
			cpu[cores] = append(cpu[cores], p.CPU)
		}
	}
	byWall := figures.Median(wall[scaleMost]) / figures.Median(wall[1])
	byCPU := figures.Median(cpu[scaleMost]) / figures.Median(cpu[1])
	fmt.Printf("two cores do %.2f× of one by CPU time, %.2f× by the wall  (at least %.1f: %s)\n\n",
		byCPU, byWall, scaleBar, figures.Verdict(max(byCPU, byWall) >= scaleBar))
	fields["scale"] = all
	return nil
}

// paceOf runs on so many cores at once, each with a goroutine of its own.
func (f *frozen) paceOf(cores int) (pace, error) {
	type share struct {
		wall, cpu float64
		err       error
	}
	shares := make(chan share, cores)
	for core := range cores {
		go func() { // ends after scaleTime; its thread ends with it, since it stays locked
			if err := pin(core); err != nil {
				shares <- share{err: err}
				return
			}
			n, begin, cpu := 0, time.Now(), cpuTime()
			var err error
			for ; err == nil && time.Since(begin) < scaleTime; n += 100 {
				err = f.often(100)
			}
			used := (cpuTime() - cpu).Seconds()
			shares <- share{float64(n) / time.Since(begin).Seconds(), float64(n) / used, err}
		}()
	}
	p := pace{Cores: cores}
	var errs []error
	for range cores {
		s := <-shares
		p.Wall += s.wall
		p.CPU += s.cpu
		errs = append(errs, s.err)
	}
	return p, errors.Join(errs...)
}

// often takes a fork, calls in it and gives it back.
func (f *frozen) often(n int) error {
	for range n {
		m, err := f.image.Fork()
		if err != nil {
			return err
		}
		if err := f.work(m, 1); err != nil {
			return err
		}
		m.Close()
	}
	return nil
}
