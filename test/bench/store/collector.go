//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"fishplate/internal/message"
	"fishplate/test/bench/figures"
)

// collector measures with few and with many objects what a collection takes, in
// processor time, and how slow the slowest hits are without and with another
// goroutine that makes garbage as a busy proxy would.
func collector(b *bench) error {
	for _, n := range []int{1000, b.objects} {
		f, err := fill(n, 256, max(64<<20, int64(n)*1100), nil)
		if err != nil {
			return err
		}
		b.add("collector", "heap, "+name(n), 0, heap(), "MiB")
		for round := range b.rounds {
			b.add("collector", "collection, "+name(n), round, collection(), "µs")
			for _, garbage := range []bool{false, true} {
				if err := f.slowest(b, round, garbage); err != nil {
					return err
				}
			}
		}
		st := f.s.Stats()
		fmt.Printf("  %d objects in %d MiB, %d evicted\n", st.Objects, st.Used>>20, st.Evicted)
		b.median("collector", "heap, "+name(n))
		b.median("collector", "collection, "+name(n))
		for _, q := range quantiles {
			b.median("collector", q.what+" quiet, "+name(n))
			b.median("collector", q.what+", "+name(n))
		}
		f.s.Close()
		debug.FreeOSMemory()
	}
	few, lots := medianOf(b, "collection, "+name(1000)), medianOf(b, "collection, "+name(b.objects))
	b.bar("collection, many / few objects", lots/few, 1.5, false)
	return nil
}

// collection returns the processor time of a collection in microseconds,
// without what it does on processors that would be idle.
func collection() float64 {
	const times = 50
	before := collecting()
	for range times {
		runtime.GC()
	}
	return (collecting() - before) * 1e6 / times
}

func collecting() float64 {
	list := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}
	metrics.Read(list)
	return list[0].Value.Float64() - list[1].Value.Float64()
}

var quantiles = [...]struct {
	what string
	at   float64
}{{"hit p50", 0.5}, {"hit p99", 0.99}, {"hit p99.9", 0.999}}

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

// slowest times hits at uniformly random keys one by one.
func (f *filled) slowest(b *bench, round int, garbage bool) error {
	var stop atomic.Bool
	done := make(chan struct{})
	kind := " quiet, "
	if garbage {
		kind = ", "
		go litter(&stop, done)
	} else {
		close(done)
	}
	took := make([]float64, 1<<20)
	r := rand.New(rand.NewPCG(uint64(round), 9))
	var h message.Header
	text := make([]byte, 0, 64)
	for i := range took {
		text = keyText(text, r.Uint32N(uint32(f.n)))
		start := time.Now()
		if err := f.hit(text, &h); err != nil {
			return err
		}
		took[i] = float64(time.Since(start).Nanoseconds())
	}
	stop.Store(true)
	<-done
	for _, q := range quantiles {
		b.add("collector", q.what+kind+name(f.n), round, figures.Quantile(took, q.at), "ns")
	}
	return nil
}

// litter makes up to a GiB of garbage a second.
func litter(stop *atomic.Bool, done chan<- struct{}) {
	defer close(done)
	var keep [64][]byte
	for i := 0; !stop.Load(); i++ {
		keep[i%len(keep)] = make([]byte, 16<<10)
		if i%64 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	runtime.KeepAlive(&keep)
}
