//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"fishplate/internal/message"
	"fishplate/test/bench/figures"
)

// collector measures with few and with many objects, in turns that share a
// process: what a collection takes, and how slow the slowest hits are while
// another goroutine makes garbage as fast as a busy proxy would.
func collector(b *bench) error {
	for _, n := range []int{1000, b.objects} {
		f, err := fill(n, 256, max(64<<20, int64(n)*1100), nil)
		if err != nil {
			return err
		}
		b.add("collector", "heap, "+name(n), 0, heap(), "MiB")
		for round := range b.rounds {
			start := time.Now()
			runtime.GC()
			b.add("collector", "collection, "+name(n), round, float64(time.Since(start).Microseconds()), "µs")
			if err := f.slowest(b, round); err != nil {
				return err
			}
		}
		st := f.s.Stats()
		fmt.Printf("  %d objects in %d MiB, %d evicted\n", st.Objects, st.Used>>20, st.Evicted)
		for _, what := range []string{"heap, ", "collection, ", "hit p50, ", "hit p99, ", "hit p99.9, "} {
			b.median("collector", what+name(n))
		}
		f.s.Close()
		debug.FreeOSMemory()
	}
	few, lots := medianOf(b, "hit p99.9, "+name(1000)), medianOf(b, "hit p99.9, "+name(b.objects))
	fmt.Printf("  %-36s %12.4g\n", "p99.9, many / few objects", lots/few)
	few, lots = medianOf(b, "collection, "+name(1000)), medianOf(b, "collection, "+name(b.objects))
	b.bar("collection, many / few objects", lots/few, 1.5, false)
	return nil
}

func medianOf(b *bench, what string) float64 {
	var list []float64
	for _, r := range b.results {
		if r.Work == "collector" && r.What == what {
			list = append(list, r.Value)
		}
	}
	return figures.Median(list)
}

// heap returns the live bytes of the Go heap in MiB.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// slowest times hits at uniformly random keys. One is due each 5 µs, as in a busy
// proxy, and its time counts from then: so that an interruption delays as many hits
// with few objects, which are quick, as with many.
func (f *filled) slowest(b *bench, round int) error {
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		var keep [64][]byte
		for i := 0; !stop.Load(); i++ {
			keep[i%len(keep)] = make([]byte, 16<<10)
			if i%64 == 0 {
				time.Sleep(time.Millisecond) // 1 GiB a second is what this makes
			}
		}
		runtime.KeepAlive(&keep)
	}()
	const hits = 1 << 18
	took := make([]float64, hits)
	r := rand.New(rand.NewPCG(uint64(round), 9))
	var h message.Header
	text := make([]byte, 0, 64)
	begin := time.Now()
	for i := range took {
		due := time.Duration(i) * 5 * time.Microsecond
		for time.Since(begin) < due {
		}
		text = keyText(text, r.Uint32N(uint32(f.n)))
		if err := f.hit(text, &h); err != nil {
			return err
		}
		took[i] = float64((time.Since(begin) - due).Nanoseconds())
	}
	stop.Store(true)
	<-done
	for _, q := range []struct {
		what string
		at   float64
	}{{"hit p50, ", 0.5}, {"hit p99, ", 0.99}, {"hit p99.9, ", 0.999}} {
		b.add("collector", q.what+name(f.n), round, figures.Quantile(took, q.at), "ns")
	}
	return nil
}
