package report

import (
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/bench"
	"fishplate/internal/bench/outcome"
	"fishplate/internal/bench/stats"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got\n%s", name, diff)
	}
}

// one is a result with something of everything.
func one() *outcome.Result {
	l := outcome.Latency{Count: 9, Min: 15e3, P50: 90e3, P90: 250e3, P99: 4_500_000, P999: 1_024_000_000, Max: 1_030_000_000}
	l.Curve = []outcome.Point{{Share: 0, Value: 15e3}, {Share: 0.5, Value: 90e3}, {Share: 0.99, Value: 4_500_000}, {Share: 0.999, Value: 1_024_000_000}, {Share: 1, Value: 1_030_000_000}}
	return &outcome.Result{
		Schema: outcome.Schema, Params: outcome.Params{Workload: "accept", Server: "loopback", Connections: 256, Duration: 2e9, SingleAcceptor: true},
		Server: outcome.Server{Address: "127.0.0.1:7777", PID: 3, Listeners: 1, Workers: 4, Backlog: 128},
		Rate:   stats.Interval{Mean: 37307, Low: 31881, High: 42732, N: 3}, Reps: make([]outcome.Repetition, 3),
		Latency: outcome.Latencies{From: "begun", Total: l},
		CPU:     outcome.CPU{Client: outcome.Side{Known: true, Micros: 17.3, Share: 0.64, Busiest: 0.3}},
		Host:    outcome.Host{Probe: outcome.Probe{Syscall: 93, WakeSame: 2100, WakeCross: 47700}}, Errors: map[string]int64{"timeout": 2, "connect EADDRNOTAVAIL": 7},
		Processors: []outcome.Share{{User: 0.1, System: 0.5, Idle: 0.4}, {User: 0.3, System: 0.5, Softirq: 0.1, Steal: 0.02, Idle: 0.08}},
		Counters:   outcome.Counters{"tcpext": {"ListenOverflows": 381}},
		Seconds:    []outcome.Second{{At: 1, Rate: 36000, P99: 4e6}, {At: 2, Rate: 38000, P99: 5e6, Errors: 2}},
		Diagnosis:  []outcome.Diagnosis{{ID: "listen-overflow", Title: "listen overflow", Text: strings.Repeat("the queue was full, ", 9) + "and that is all", Advice: "a larger one"}},
	}
}

func TestText(t *testing.T) {
	var b strings.Builder
	if err := Text(&b, one()); err != nil {
		t.Fatal(err)
	}
	open := one()
	open.Params.Rate, open.Diagnosis, open.Errors, open.Reps, open.Rate.N = 5000, nil, nil, open.Reps[:1], 1
	if err := Text(&b, open); err != nil {
		t.Fatal(err)
	}
	two := one()
	two.Diagnosis, two.Rate, two.Params.Rate = nil, stats.Of([]float64{0.4, 1.2}), 0.8
	if err := Text(&b, two); err != nil {
		t.Fatal(err)
	}
	golden(t, "result.txt", b.String())
}

func TestComparison(t *testing.T) {
	c := &bench.Comparison{
		A: "a.json", B: "b.json", Host: []bench.Difference{{Name: "kernel", A: "2.6.18", B: "6.18"}, {Name: "mitigations", A: "", B: "spectre_v2"}},
		Figures: []bench.Figure{
			{Name: "rate", Unit: "/s", A: 7000, B: 35000, Comparison: stats.Comparison{Known: true, Ratio: 5, Low: 4.8, High: 5.2, Sure: true}},
			{Name: "p99", Unit: "ms", Less: true, A: 4.5, B: 5, Comparison: stats.Comparison{Known: true, Ratio: 1.11, Low: 1.01, High: 1.21, Sure: true}},
			{Name: "p50", Unit: "ms", Less: true, A: 1, B: 1.01, Comparison: stats.Comparison{Known: true, Ratio: 1.01, Low: 0.9, High: 1.1}},
			{Name: "server CPU", Unit: "µs", Less: true, A: 14.1, B: 8.9, Comparison: stats.Comparison{N: 1, Ratio: 0.63, Low: 0.63, High: 0.63}},
			{Name: "p99.9", Unit: "ms", Less: true, A: 2, B: 3, Comparison: stats.Comparison{Known: true, N: 2, Ratio: 1.5, Low: 0.001, High: 1e9}},
			{Name: "client CPU", Unit: "µs", Less: true, A: 0, B: 3, Comparison: stats.Comparison{N: 4, Ratio: 1, Low: 1, High: 1}},
		},
	}
	var b strings.Builder
	if err := Comparison(&b, c); err != nil {
		t.Fatal(err)
	}
	golden(t, "comparison.txt", b.String())
}

// TestComparisonOfStrangers: what others wrote into a file steers no terminal, and
// makes no line of its own.
func TestComparisonOfStrangers(t *testing.T) {
	const foreign = "a\x1b]0;x\x07\nrate\tB is better\u202e\u009b\r"
	c := &bench.Comparison{A: foreign, B: foreign, Host: []bench.Difference{{Name: "kernel", A: foreign, B: foreign}}, Options: []bench.Difference{{Name: foreign, A: foreign, B: foreign}}}
	for name, write := range map[string]func(w io.Writer) error{
		"text": func(w io.Writer) error { return Comparison(w, c) }, "json": func(w io.Writer) error { return JSON(w, c) },
	} {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if s := b.String(); strings.ContainsAny(s, "\x1b\x07\u202e\u009b\r") || strings.Contains(s, "\nrate\t") {
			t.Errorf("%s: %q", name, s)
		}
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", 0.0001: "0.0001", 0.5: "0.5", 1.25: "1.2", 10.4: "10", 999: "999", 1000: "1,000", 12345.6: "12,346", 1e6: "1,000,000"} {
		if got := Thousands(v); got != want {
			t.Errorf("Thousands(%v) = %q", v, got)
		}
	}
	for v, want := range map[int64]string{900: "0.9 µs", 99_900: "99.9 µs", 250_000: "250 µs", 4_500_000: "4.50 ms", 1_024_000_000: "1024 ms"} {
		if got := Nanos(v); got != want {
			t.Errorf("Nanos(%v) = %q", v, got)
		}
	}
}

// The pictures are well-formed, and whole for results with nothing in them.
func TestPictures(t *testing.T) {
	for name, r := range map[string]*outcome.Result{"one": one(), "nothing": {}} {
		var b strings.Builder
		if err := SVG(&b, r); err != nil {
			t.Fatal(err)
		}
		if name == "one" {
			golden(t, "result.svg", b.String())
		}
		d := xml.NewDecoder(strings.NewReader(b.String()))
		for {
			_, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, b.String())
			}
		}
		if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Errorf("%s: a place is no number:\n%s", name, b.String())
		}
	}
	// One look is a dot, and the title is short whatever is said of the interval.
	short, dot := one(), strings.Builder{}
	short.Seconds, short.Rate = short.Seconds[:1], stats.Of([]float64{4000, 12000})
	if err := SVG(&dot, short); err != nil {
		t.Fatal(err)
	}
	title, _, _ := strings.Cut(dot.String(), "</text>")
	if _, title, _ = strings.Cut(title, "<text"); !strings.Contains(dot.String(), "h0") || len(title) > 100 {
		t.Errorf("title %q in %s", title, dot.String())
	}
	var b strings.Builder
	if err := HTML(&b, one()); err != nil || !strings.Contains(b.String(), "<svg") || !strings.Contains(b.String(), "listen-overflow: listen overflow") {
		t.Errorf("%v: %.200s", err, b.String())
	}
}
