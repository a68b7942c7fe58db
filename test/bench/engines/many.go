//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"fishplate/riscv"
	"fishplate/test/bench/figures"
)

const (
	manyCount = 10000 // forks alive at once
	manyMost  = 200.0 // MiB that they may hold
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

// hold keeps forks alive that have each stored to all of a page and then rest.
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
	began := cpuTime()
	for i := range manyCount {
		m, err := f.image.Fork()
		if err != nil {
			return err
		}
		forks = append(forks, m)
		if _, err := call(m, f.at["fill"], f.at["leave"], uint64(i)); err != nil {
			return err
		}
		m.Park()
	}
	each := milli(cpuTime()-began) * 1e6 / manyCount
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
	woken, err := f.wake(forks)
	if err != nil {
		return err
	}
	fmt.Printf("  fork, fill, park %.0f ns each; call in a parked fork, park again %.0f ns\n", each, woken)
	fields["many"] = map[string]any{"forks": manyCount, "mib": mib, "mappings": maps - mapsBefore, "parkNS": each, "wakeNS": woken}
	return nil
}

// wake calls in each parked fork and parks it again; it returns the nanoseconds
// of one.
func (f *frozen) wake(forks []*riscv.Machine) (float64, error) {
	begin := cpuTime()
	for _, m := range forks {
		if err := f.work(m, 0); err != nil {
			return 0, err
		}
		m.Park()
	}
	return float64((cpuTime() - begin).Nanoseconds()) / float64(len(forks)), nil
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
