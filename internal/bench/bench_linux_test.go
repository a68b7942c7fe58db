package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fishplate/internal/bench/count"
	"fishplate/internal/bench/load"
	"fishplate/internal/bench/outcome"
)

func TestMain(m *testing.M) {
	if o := os.Getenv(asServer); o != "" {
		if err := serveForTest(o); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if command := os.Getenv(asPair); command != "" {
		_, _ = (&AB{Commands: [2]string{command, command}, Pairs: 1}).Run(context.Background()) // it is killed meanwhile
		return
	}
	goleak.VerifyTestMain(m)
}

// Each workload finds its built-in server's answers in order, in both loops and
// both forms.
func TestWorkloads(t *testing.T) {
	for _, w := range Workloads() {
		if w.Protocol == "" {
			continue // test/script runs the product for it
		}
		for _, rate := range []float64{0, 300} {
			for _, plain := range []bool{false, true} {
				if plain && w.TLS {
					continue
				}
				// A machine that has no time for us in a tenth of a second is asked for more.
				var r *Result
				for length := 100 * time.Millisecond; r == nil || r.Latency.Total.Count == 0 && length < time.Minute; length *= 5 {
					var err error
					r, err = Run(context.Background(), Options{
						Serve: StartServer, Warm: 1, Timeout: 20 * time.Second,
						Params: Params{Workload: w.Name, Connections: 4, Rate: rate, Duration: length, Repeat: 1, Plain: plain},
					})
					if err != nil {
						t.Fatalf("%s: %v", w.Name, err)
					}
				}
				if r.Totals.Errors != 0 || r.Latency.Total.Count == 0 {
					t.Errorf("%s, rate %v, plain %t: %+v, errors %v", w.Name, rate, plain, r.Totals, r.Errors)
				}
				if from := r.Latency.From; (from == "intended") != (rate > 0) {
					t.Errorf("%s: latencies from %q", w.Name, from)
				}
			}
		}
	}
}

// The document has every counter, and reading it gives what was written.
func TestDocument(t *testing.T) {
	r, err := Run(context.Background(), Options{
		Serve: StartServer, Version: "test", Params: Params{Workload: "crr", Connections: 2, Duration: 50 * time.Millisecond, Repeat: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"schema":"fishplate.bench/1"`, `"ListenOverflows":`, `"nr_throttled":`, `"time_squeeze":`, `"us_per_transaction":`, `"params_hash":`} {
		if !bytes.Contains(b, []byte(key)) {
			t.Errorf("no %s in the document", key)
		}
	}
	again, err := outcome.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := json.Marshal(again)
	if !bytes.Equal(b, c) {
		t.Error("the document changes by being read")
	}
	if r.Rate.N != 2 || len(r.Reps) != 2 || r.Server.PID != os.Getpid() || r.Server.Backlog == 0 {
		t.Errorf("%+v, %+v", r.Rate, r.Server)
	}
	if _, err := outcome.Decode([]byte(`{"schema":"other"}`)); err == nil {
		t.Error("another schema is read")
	}
}

func TestRunRefuses(t *testing.T) {
	for _, p := range []Params{
		{Workload: "smtp"}, {Workload: "crr", Backlog: -1}, {Workload: "tls", Plain: true}, {Workload: "crr", Server: "127.0.0.1:1", SingleAcceptor: true}, {Workload: "crr", Server: "nowhere"},
		{Workload: "rr", Connections: 1 << 30},
	} {
		if _, err := Run(context.Background(), Options{Params: p, Serve: StartServer}); err == nil || !strings.HasPrefix(err.Error(), "bench: ") {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// A measurement that is cut off has what there was until then, and the time that
// it took.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := Run(ctx, Options{
		Serve: StartServer, Warm: time.Millisecond, Timeout: 20 * time.Second,
		Progress: func(_ int, k Tick) {
			if k.Rate > 0 {
				cancel()
			}
		},
		Params: Params{Workload: "rr", Connections: 4, Duration: time.Hour, Repeat: 3},
	})
	if !errors.Is(err, context.Canceled) || r == nil {
		t.Fatalf("%v, %v", r, err)
	}
	if len(r.Reps) != 1 || r.Totals.Transactions == 0 || r.Rate.Mean <= 0 || r.Totals.Seconds <= 0 || r.Totals.Seconds > 3000 {
		t.Errorf("%+v, %+v, %d repetitions", r.Totals, r.Rate, len(r.Reps))
	}
}

// What a transaction costs is told by those that were made while it was watched, and
// by none when nobody watched.
func TestWatchedLate(t *testing.T) {
	s := &session{tally: &load.Tally{Window: time.Second, Watched: 100 * time.Millisecond, Transactions: 1000}}
	used := count.Usage{7: {ID: 7, Run: 50e6, Sleeps: 200}}
	if got := s.side(used); !got.Known || got.Share != 0.5 || got.Busiest != 0.5 || got.Micros != 500 || got.Sleeps != 2 {
		t.Errorf("%+v", got)
	}
	s.tally.Watched = 0
	if got := s.side(used); got.Known {
		t.Errorf("%+v of no time", got)
	}
}
