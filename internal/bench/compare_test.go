package bench

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"fishplate/internal/bench/outcome"
)

// saved makes a result of these rates.
func saved(workload string, change func(r *Result), rates ...float64) *Result {
	r := &Result{Schema: outcome.Schema, Params: Params{Workload: workload, Server: "loopback"}, Host: outcome.Host{Kernel: "6.18", Processors: 2}}
	for _, v := range rates {
		r.Reps = append(r.Reps, outcome.Repetition{Rate: v, P50: int64(1e12 / v), P99: 5e6})
	}
	r.CPU.Server = outcome.Side{Known: true, Micros: 20}
	change(r)
	r.Hash = r.Params.Hash()
	return r
}

func TestCompare(t *testing.T) {
	a := saved("crr", func(*Result) {}, 100, 101, 99)
	b := saved("crr", func(r *Result) { r.Params.SingleAcceptor = true; r.Host.Kernel = "2.6"; r.CPU.Server.Micros = 30 }, 80, 81, 79)
	c, err := Compare("a.json", "b.json", a, b)
	if err != nil {
		t.Fatal(err)
	}
	rate, cpu := c.Figures[0], c.Figures[len(c.Figures)-1]
	if rate.Name != "rate" || !rate.Sure || rate.Ratio < 0.79 || rate.Ratio > 0.81 || rate.High >= 1 {
		t.Errorf("%+v", rate)
	}
	if cpu.Name != "server CPU" || cpu.Known || cpu.Sure || cpu.Ratio != 1.5 {
		t.Errorf("%+v", cpu)
	}
	if len(c.Host) != 1 || c.Host[0] != (Difference{"kernel", "6.18", "2.6"}) {
		t.Errorf("host: %+v", c.Host)
	}
	if len(c.Options) != 1 || c.Options[0] != (Difference{"single acceptor", "false", "true"}) {
		t.Errorf("options: %+v", c.Options)
	}
	other := saved("rr", func(r *Result) { r.Params.Connections = 7 }, 1, 2)
	if _, err := Compare("a", "b", a, other); err == nil || !strings.Contains(err.Error(), "workload crr and rr") || !strings.Contains(err.Error(), "connections 0 and 7") {
		t.Errorf("other parameters: %v", err)
	}
}

// Both run equally often, in turn, and drift drops out.
func TestPairs(t *testing.T) {
	var order string
	drift := 1.0
	ab := AB{Commands: [2]string{"a", "b"}, Pairs: 6, Do: func(_ context.Context, command string) ([]byte, error) {
		order += command
		drift *= 1.1
		rate := 100 * drift
		if command == "b" {
			rate *= 0.9
		}
		return json.Marshal(saved("crr", func(*Result) {}, rate))
	}}
	c, err := ab.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if order != "abbaabbaabba" {
		t.Errorf("order %q", order)
	}
	if f := c.Figures[0]; f.Name != "rate" || f.N != 6 || f.Ratio < 0.85 || f.Ratio > 0.95 {
		t.Errorf("%+v", f)
	}
}

func TestPairsOfOtherPrograms(t *testing.T) {
	ab := AB{Commands: [2]string{"true", "echo no result"}, Pairs: 2}
	c, err := ab.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Figures) != 1 || c.Figures[0].Name != "time" || c.Figures[0].A <= 0 {
		t.Errorf("%+v", c.Figures)
	}
	ab.Commands[1] = "echo reason >&2; exit 3"
	if _, err := ab.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "reason") {
		t.Errorf("a command that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ab.Do = func(context.Context, string) ([]byte, error) { cancel(); return nil, nil }
	if c, err := ab.Run(ctx); !errors.Is(err, context.Canceled) || c == nil || len(c.Figures) != 0 {
		t.Errorf("interrupted: %+v, %v", c, err)
	}
}
