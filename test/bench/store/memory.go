//go:build linux

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fishplate/internal/cache/store"
)

// resident returns the process's resident bytes.
func resident() (float64, error) {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	return pages * float64(os.Getpagesize()), err
}

// memory fills stores of 512 MiB with the sizes of web pages until they evict,
// and compares what the process grew by.
func memory(b *bench) error {
	const bound = 512 << 20
	for round := range b.rounds {
		before, err := resident()
		if err != nil {
			return err
		}
		f, err := fill(0, 0, bound, nil)
		if err != nil {
			return err
		}
		r := rand.New(rand.NewPCG(uint64(round), 5))
		text := make([]byte, 0, 64)
		body := make([]byte, 16<<20)
		for i := range 150_000 {
			text = keyText(text, uint32(i))
			size := min(int(6144*math.Exp(1.5*r.NormFloat64())), len(body))
			if err := f.put(text, &store.Parts{Key: text}, body[:size]); err != nil {
				return err
			}
		}
		body = nil
		after, err := resident()
		if err != nil {
			return err
		}
		st := f.s.Stats()
		f.s.Close()
		b.add("memory", "growth / bound", round, (after-before)/bound, "")
		b.add("memory", "rounding", round, 100*float64(st.Slack)/float64(st.Heads+st.Bodies), "%")
		b.add("memory", "free", round, 100*float64(st.Free)/float64(st.Used), "%")
		b.add("memory", "index", round, 100*float64(st.Index)/float64(st.Used), "%")
	}
	growth := b.median("memory", "growth / bound")
	rounding := b.median("memory", "rounding")
	b.median("memory", "free")
	b.median("memory", "index")
	b.bar("growth off the bound", math.Abs(growth-1), 0.05, false)
	b.bar("rounding", rounding, 10, false)
	return nil
}

// work returns the processor time of this thread: what a purge is bounded by is
// work, whoever else the machine has to do with.
func work() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// purge purges by a tag of one object and by one of every tenth of a million. A
// removal has two figures: until no look-up finds the objects, and what is left
// for later, which the estate does on its own goroutine. The bar is on both together.
func purge(b *bench) error {
	const n = 1_000_000
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for round := range b.rounds {
		f, err := fill(n, 512, 3<<30, func(i int) [][]byte {
			tags := [][]byte{fmt.Appendf(nil, "page%d", i), []byte("all")}
			if i%10 == 3 {
				tags = append(tags, []byte("tenth"))
			}
			return tags
		})
		if err != nil {
			return err
		}
		for _, p := range []struct {
			what, tag string
			soft      bool
			want      int
		}{
			{"one, soft", "page77", true, 1},
			{"one", "page77", false, 1},
			{"100,000, soft", "tenth", true, n / 10},
			{"100,000", "tenth", false, n / 10},
		} {
			start := work()
			got := f.s.PurgeTag(f.p, []byte(p.tag), p.soft, 1)
			took := work() - start
			if got != p.want {
				return fmt.Errorf("purge %s: %d objects, want %d", p.tag, got, p.want)
			}
			b.add("purge", p.what, round, float64(took.Nanoseconds())/1e6, "ms")
			if p.soft {
				continue
			}
			start = work()
			for f.s.Reap(1 << 12) {
			}
			later := work() - start
			b.add("purge", p.what+", later", round, float64(later.Nanoseconds())/1e6, "ms")
			b.add("purge", p.what+", all work", round, float64((took+later).Nanoseconds())/1e6, "ms")
		}
		f.s.Close()
	}
	b.median("purge", "one, soft")
	b.median("purge", "100,000, soft")
	b.bar("one", b.median("purge", "one"), 1, false)
	b.median("purge", "one, later")
	b.bar("100,000, until not found", b.median("purge", "100,000"), 50, false)
	b.median("purge", "100,000, later")
	b.bar("100,000, all work", b.median("purge", "100,000, all work"), 50, false)
	return nil
}
