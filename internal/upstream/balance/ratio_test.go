package balance

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/internal/model"
)

// world is a clock and servers whose speeds the test knows.
type world struct {
	t     testing.TB
	tab   *Table
	now   time.Duration
	speed func(server, nth int, at time.Duration) time.Duration
	asked []int
}

// start is when the worlds' clocks begin.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, list []Member, speed func(server, nth int, at time.Duration) time.Duration, args ...string) *world {
	t.Helper()
	b := model.Balance{Text: "ratio", Steps: []model.BalanceStep{{Name: "ratio", Args: args}}}
	tab, err := New(list, b, options())
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, tab: tab, speed: speed, asked: make([]int, len(list))}
}

// run sends a request every 5 ms for d, and returns the shares of the servers.
func (w *world) run(d time.Duration) []float64 {
	w.t.Helper()
	count := make([]int, len(w.asked))
	n := 0
	for end := w.now + d; w.now < end; w.now += 5 * time.Millisecond {
		at := start.Add(w.now).UnixNano()
		i, v := w.tab.Pick(&Query{Now: at})
		if v != Chosen {
			w.t.Fatalf("verdict %d", v)
		}
		w.tab.Members()[i].Node.Observe(at, w.speed(i, w.asked[i], w.now))
		w.asked[i]++
		count[i]++
		n++
	}
	shares := make([]float64, len(count))
	for i, c := range count {
		shares[i] = float64(c) / float64(n)
	}
	return shares
}

// want compares shares with numbers that they are in proportion to.
func (w *world) want(what string, got []float64, tolerance float64, parts ...float64) {
	w.t.Helper()
	sum := 0.0
	for _, p := range parts {
		sum += p
	}
	for i, p := range parts {
		if math.Abs(got[i]-p/sum) > tolerance {
			w.t.Errorf("%s: shares %.3f, want %.3f of s%d", what, got, p/sum, i)
			return
		}
	}
}

const ms = time.Millisecond

// TestRatioDistribution: the requests are divided as the times of the servers
// are, by whichever measure.
func TestRatioDistribution(t *testing.T) {
	// s0 is steady, every fifth answer of s1 is slow, s2 is steady at half the speed.
	speed := func(server, nth int, _ time.Duration) time.Duration {
		switch {
		case server == 2:
			return 20 * ms
		case server == 1 && nth%5 == 4:
			return 100 * ms
		}
		return 10 * ms
	}
	for _, c := range []struct {
		by    string
		parts []float64
	}{
		{"static", []float64{1, 1, 1}},
		{"average", []float64{1. / 10, 1. / 28, 1. / 20}},
		{"minimum", []float64{1. / 10, 1. / 10, 1. / 20}},
		{"maximum", []float64{1. / 10, 1. / 100, 1. / 20}},
		{"p50", []float64{1. / 10, 1. / 10, 1. / 20}},
		{"p75", []float64{1. / 10, 1. / 10, 1. / 20}},
		{"p90", []float64{1. / 10, 1. / 100, 1. / 20}},
		{"p95", []float64{1. / 10, 1. / 100, 1. / 20}},
		{"p99", []float64{1. / 10, 1. / 100, 1. / 20}},
	} {
		t.Run(c.by, func(t *testing.T) {
			w := newWorld(t, members(100, 100, 100), speed, c.by)
			w.run(15 * time.Second)
			w.want(c.by, w.run(time.Minute), 0.015, c.parts...)
		})
		t.Run(c.by+" weighted", func(t *testing.T) {
			w := newWorld(t, members(50, 100, 200), speed, c.by)
			w.run(15 * time.Second)
			w.want(c.by, w.run(time.Minute), 0.02, c.parts[0]*50, c.parts[1]*100, c.parts[2]*200)
		})
	}
}

// TestRatioSwaps: when the servers' speeds swap, the shares follow within the
// window.
func TestRatioSwaps(t *testing.T) {
	swap := 30 * time.Second
	speed := func(server, _ int, at time.Duration) time.Duration {
		if (server == 0) == (at < swap) {
			return 10 * ms
		}
		return 40 * ms
	}
	for _, by := range []string{"average", "p90"} {
		w := newWorld(t, members(100, 100), speed, by)
		w.run(swap - 10*time.Second)
		w.want(by+" before", w.run(10*time.Second), 0.01, 4, 1)
		w.run(12 * time.Second)
		w.want(by+" after", w.run(20*time.Second), 0.01, 1, 4)
	}
}

// TestRatioUnknown: a newcomer is asked as much as the others are on average,
// until it is measured; one that is far too slow goes on being measured.
func TestRatioUnknown(t *testing.T) {
	speed := func(server, _ int, _ time.Duration) time.Duration {
		return []time.Duration{10 * ms, 20 * ms, 10 * time.Second, 5 * ms}[server]
	}
	list := members(100, 100, 100, 100)
	list[3].Node.SetReason(Maintenance)
	w := newWorld(t, list, speed, "average")
	w.run(15 * time.Second)
	w.want("a very slow one", w.run(time.Minute), 0.002, 1, .5, .01, 0)
	list[3].Node.SetReason(In)
	text := []string{}
	explained, _, _ := w.tab.Explain(&Query{Now: start.Add(w.now).UnixNano()})
	for _, c := range explained {
		text = append(text, c.Why[strings.Index(c.Why, ": ")+2:])
	}
	for i, want := range []string{"average 10ms, its weight times 1.00", "average 20ms, its weight times 0.50", "average 10s, its weight times 0.01", "not measured, its weight times 0.50"} {
		if !strings.HasPrefix(text[i], want) {
			t.Errorf("s%d: %q, want %q", i, text[i], want)
		}
	}
	w.run(100 * ms)
	w.want("when all are known", w.run(time.Minute), 0.01, .5, .25, .01, 1)

	// A server that nobody asks keeps its time for a minute, and is then as new.
	n := list[0].Node.meter.Load()
	at := start.Add(w.now).UnixNano()
	if v, ok := n.read(at+int64(50*time.Second), average); !ok || v != 10e6 {
		t.Errorf("after 50 s: %v %v", v, ok)
	}
	if _, ok := n.read(at+int64(61*time.Second), average); ok {
		t.Error("after 61 s it is still known")
	}
}

// TestForesee: the line through known slopes ends where they lead.
func TestForesee(t *testing.T) {
	wave := []float64{0, .15, -.05, .1, -.15, .05, -.1}           // noise of mean 0
	for _, slope := range []float64{0, 0.2e6, 1e6, 5e6, -0.1e6} { // nanoseconds a second
		for _, noise := range []float64{0, 1} {
			for _, ahead := range []time.Duration{5 * time.Second, 15 * time.Second} {
				t.Run(fmt.Sprint(slope, noise, ahead), func(t *testing.T) {
					by, err := model.ParseRatio([]string{"predict", "past=30s", "ahead=" + ahead.String()})
					if err != nil {
						t.Fatal(err)
					}
					r := &ratioStep{by: by, what: average, slot: int64(courseSlot), every: int64(time.Second) / 20}
					n, got := &Node{}, 0.0
					value := func(at time.Duration) float64 { return 20e6 + slope*at.Seconds() }
					at := time.Duration(0)
					for i := 0; at < 33*time.Second; i++ {
						v := value(at)
						n.Observe(start.Add(at).UnixNano(), time.Duration(v+v*noise*wave[i%len(wave)]))
						if at += 10 * ms; i%10 == 9 || at > 32*time.Second {
							got = r.measure(n, start.Add(at).UnixNano())
						}
					}
					if want := value(at + ahead); got == 0 || math.Abs(got-want)/want > 0.01+0.02*noise {
						t.Errorf("%.3f ms, want %.3f", got/1e6, want/1e6)
					}
				})
			}
		}
	}
	c := course{samples: make([]sample, 100)}
	for i := range 100 {
		c.add(sample{int64(i) * 1e9, 1e9 - 1e7*float64(i)})
	}
	if v := c.extend(1, 0, 200e9); math.Abs(v+1e9) > 1 {
		t.Errorf("a line that falls is at %v", v)
	}
	if v := c.extend(7, 97e9, 200e9); v != 7 {
		t.Errorf("three samples make a line to %v", v)
	}
}

// TestPredict: a server that is becoming slower is asked less before it is the
// slower one, in proportion to what it will be.
func TestPredict(t *testing.T) {
	speed := func(server, _ int, at time.Duration) time.Duration {
		if server == 1 {
			return 30 * ms
		}
		return 10*ms + time.Duration(at.Seconds()*0.5*float64(ms))
	}
	w := newWorld(t, members(100, 100), speed, "predict", "average", "past=20s", "rate=10", "ahead=10s")
	w.run(30 * time.Second)
	// From 30 s to 32 s: 25.5 ms on average now, 30.5 ms ten seconds later.
	w.want("foreseen", w.run(2*time.Second), 0.01, 1/30.5, 1/30.)
	now := newWorld(t, members(100, 100), speed, "average")
	now.run(30 * time.Second)
	now.want("measured, five seconds old on average", now.run(2*time.Second), 0.01, 1/23., 1/30.)
}

// TestMeterQuantiles compares with the sorted times: each is within its bucket,
// which is a sixteenth of a doubling.
func TestMeterQuantiles(t *testing.T) {
	random := options().Rand
	for _, octaves := range []float64{0.1, 1, 4, 15} {
		m := newMeter(int64(time.Second), 0, 0)
		all := make([]int64, 1000)
		for i := range all {
			u := float64(random()>>11) / (1 << 53)
			all[i] = int64(3000 * math.Exp2(octaves*u*u)) // few are slow
			m.add(start.Add(time.Duration(i)*10*ms).UnixNano(), all[i])
		}
		slices.Sort(all)
		for _, by := range []statistic{50, 75, 90, 95, 99} {
			got, ok := m.read(start.Add(10*time.Second-1).UnixNano(), by)
			want := float64(all[len(all)*int(by)/100-1])
			if !ok || math.Abs(got-want)/want > 0.0625 {
				t.Errorf("p%d over %v doublings: %v, want about %v", by, octaves, got, want)
			}
		}
	}
}

// TestMeterSlides: what is older than the window does not count.
func TestMeterSlides(t *testing.T) {
	m := newMeter(int64(time.Second), 0, 0)
	at := func(d time.Duration) int64 { return start.Add(d).UnixNano() }
	m.add(at(0), 100)
	m.add(at(9*time.Second), 300)
	for _, c := range []struct {
		at   time.Duration
		by   statistic
		want float64
	}{
		{9 * time.Second, average, 200}, {9 * time.Second, minimum, 100}, {9 * time.Second, maximum, 300},
		{10 * time.Second, average, 300}, {10 * time.Second, minimum, 300},
		{18 * time.Second, average, 300}, {5 * time.Second, average, 300}, // a clock that goes back
		{40 * time.Second, average, 300}, // nothing is measured: the last holds
	} {
		if v, ok := m.read(at(c.at), c.by); !ok || v != c.want {
			t.Errorf("at %v: %v %v, want %v", c.at, v, ok, c.want)
		}
	}
	if m.sum.n != 0 || m.sum.bucket != [meterBuckets]uint32{} {
		t.Error("the sum of empty slots is not zero")
	}
	for i := range meterBuckets {
		from, to := bucketBounds(i)
		if i > 0 && (bucketOf(int64(from)) != i || bucketOf(int64(to)-1) != i) {
			t.Fatalf("bucket %d is from %v to %v, which are in %d and %d", i, from, to, bucketOf(int64(from)), bucketOf(int64(to)-1))
		}
	}
}

// TestMeterIsDropped: no time is kept for a policy that is gone.
func TestMeterIsDropped(t *testing.T) {
	list := members(100, 100)
	w := newWorld(t, list, func(int, int, time.Duration) time.Duration { return ms }, "p50")
	w.run(time.Second)
	if list[0].Node.meter.Load() == nil {
		t.Fatal("no meter")
	}
	list[0].Node.Observe(start.Add(2*time.Minute).UnixNano(), ms)
	if list[0].Node.meter.Load() != nil {
		t.Error("a meter that nobody reads is kept")
	}
}

// TestRatioConcurrent: picks and measurements from everywhere.
func TestRatioConcurrent(t *testing.T) {
	list := members(100, 100, 100)
	for _, args := range [][]string{{"p90"}, {"predict"}} {
		w := newWorld(t, list, nil, args...)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for k := range 2000 {
					at := start.Add(time.Duration(k) * 10 * ms).UnixNano()
					i, _ := w.tab.Pick(&Query{Now: at})
					list[i].Node.Observe(at, time.Duration(i+1)*ms)
				}
			})
		}
		all.Wait()
		shares := make([]float64, 3)
		for k := range 1100 {
			i, _ := w.tab.Pick(&Query{Now: start.Add(20*time.Second + time.Duration(k)).UnixNano()})
			shares[i] += 1. / 1100
		}
		w.want(args[0], shares, 0.02, 6, 3, 2)
	}
}

func TestRatioArguments(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", ""}, {"static", ""}, {"p95", "p95"}, {"predict", "predict average past=30s rate=20 ahead=15s"},
		{"predict p90 past=10s", "predict p90 past=10s rate=20 ahead=5s"}, {"predict ahead=1s rate=1", "predict average past=30s rate=1 ahead=1s"},
		{"p91", "!no time \"p91\""}, {"p90 p95", "!\"p90\" stands alone"}, {"predict static", "!static weights"}, {"predict past=0s", "!past is"},
		{"predict past=121s", "!past is"}, {"predict rate=21", "!rate is"}, {"predict rate=x", "!rate is a number"}, {"predict ahead=16s", "!ahead is at most"},
		{"predict ahead=0s", "!ahead is above"}, {"predict soon=1s", "!predict has past"}, {"predict past=x", "!time: invalid duration"},
	} {
		r, err := model.ParseRatio(strings.Fields(c.args))
		got := strings.Join(r.Args(), " ")
		if want, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", c.args, err, want)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.args, got, err, c.want)
		}
		if again, err := model.ParseRatio(r.Args()); err != nil || again != r {
			t.Errorf("%s: its one form is %+v, %v", c.args, again, err)
		}
	}
	for _, text := range []string{"ratio(p91)", "ratio(predict=1)"} {
		if _, err := New(members(1), parse(text), options()); err == nil || !strings.Contains(err.Error(), "compile balance step ratio: no time") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestRatioAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("needs pools that keep what they are given; the race detector's do not")
	}
	for _, args := range [][]string{{"average"}, {"p99"}, {"predict", "p90"}} {
		w := newWorld(t, members(100, 50, 20, 100), func(i, _ int, _ time.Duration) time.Duration { return time.Duration(i+1) * ms }, args...)
		w.run(time.Second)
		q := &Query{}
		if n := testing.AllocsPerRun(2000, func() {
			w.now += 10 * ms
			q.Now = start.Add(w.now).UnixNano()
			i, _ := w.tab.Pick(q)
			w.tab.Members()[i].Node.Observe(q.Now, ms)
		}); n != 0 {
			t.Errorf("%v allocates %v times per choice", args, n)
		}
	}
}

// BenchmarkRatio is a pick and a measurement, 100 µs apart, beside round robin
// that is not measured.
func BenchmarkRatio(b *testing.B) {
	for _, args := range [][]string{{"static"}, {"average"}, {"p90"}, {"predict", "p90"}} {
		for _, n := range []int{4, 64} {
			b.Run(fmt.Sprintf("%s/%d", args[0], n), func(b *testing.B) {
				w := newWorld(b, members(slices.Repeat([]int{100}, n)...), func(int, int, time.Duration) time.Duration { return ms }, args...)
				w.run(40 * time.Second)
				b.ReportAllocs()
				q := &Query{}
				for b.Loop() {
					w.now += 100 * time.Microsecond
					q.Now = start.Add(w.now).UnixNano()
					i, _ := w.tab.Pick(q)
					w.tab.Members()[i].Node.Observe(q.Now, ms)
				}
			})
		}
	}
}
