package bench

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fishplate/internal/bench/outcome"
	"fishplate/internal/file"
)

// saved makes a result of these rates.
func saved(workload string, change func(r *Result), rates ...float64) *Result {
	r := &Result{Schema: outcome.Schema, Params: Params{Workload: workload, Server: "loopback"}, Host: outcome.Host{Kernel: "6.18", Processors: 2}}
	for _, v := range rates {
		r.Totals.Transactions += int64(v)
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

// What holds nothing that can be compared is refused, with its file and what to
// do about it.
func TestCompareRefuses(t *testing.T) {
	dir := t.TempDir()
	whole, err := json.Marshal(saved("crr", func(*Result) {}, 100, 101, 99))
	if err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(dir, "good.json")
	if err := os.WriteFile(good, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := outcome.Read(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, says, remedy string }{
		"nothing":      {"", "it is empty", "bench WORKLOAD --json"},
		"blank":        {" \n", "it is empty", "bench WORKLOAD --json"},
		"no JSON":      {"rate 5", "invalid character", "bench WORKLOAD --json"},
		"no schema":    {"{}", `its schema is ""`, "bench WORKLOAD --json"},
		"other schema": {`{"schema": "fishplate.bench.compare/1", "host": []}`, `its schema is "fishplate.bench.compare/1", not fishplate.bench/1`, "bench WORKLOAD --json"},
		"no figures":   {`{"schema": "fishplate.bench/1"}`, "not one transaction", "measure it again"},
		"all failed":   {`{"schema": "fishplate.bench/1", "params": {"workload": "crr", "server": "loopback"}, "repetitions": [{}], "errors": {"timeout": 3}}`, "timeout:3", "measure it again"},
		"below zero":   {`{"schema": "fishplate.bench/1", "params": {"workload": "crr", "server": "loopback"}, "repetitions": [{"rate": 5}, {"rate": -1}], "totals": {"transactions": 5}}`, "a rate of -1", "measure it again"},
		"beyond all":   {`{"schema": "fishplate.bench/1", "params": {"workload": "crr", "server": "loopback"}, "repetitions": [{"rate": 1e308}], "totals": {"transactions": 5}}`, "a rate of 1e+308", "measure it again"},
		"other work":   {`{"schema": "fishplate.bench/1", "params": {"workload": "rr"}, "repetitions": [{"rate": 5}], "totals": {"transactions": 5}}`, "workload crr and rr", "measure one of them again"},
	} {
		path := filepath.Join(dir, "other.json")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := outcome.Read(path)
		if err == nil {
			_, err = Compare(good, path, a, b)
		}
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.remedy) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is no file of a result is refused before it is read: a device may have no
// end.
func TestCompareReadsFiles(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large.json")
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, file.Most+1)); err != nil {
		t.Fatal(err)
	}
	for path, why := range map[string]error{large: file.ErrTooLarge, os.DevNull: file.ErrNotRegular} {
		if _, err := outcome.Read(path); !errors.Is(err, why) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Commands may measure different things, which is then said; one that wrote no
// result cannot be compared with one that did.
func TestPairsOfOthers(t *testing.T) {
	ab := AB{Commands: [2]string{"crr", "rr"}, Pairs: 2, Do: func(_ context.Context, command string) ([]byte, error) {
		return json.Marshal(saved(command, func(*Result) {}, 100))
	}}
	c, err := ab.Run(context.Background())
	if err != nil || len(c.Options) != 1 || c.Options[0] != (Difference{"workload", "crr", "rr"}) {
		t.Errorf("%+v, %v", c, err)
	}
	do := ab.Do
	ab.Do = func(ctx context.Context, command string) ([]byte, error) {
		if command == "rr" {
			return []byte("no result"), nil
		}
		return do(ctx, command)
	}
	if _, err := ab.Run(context.Background()); err == nil || !strings.Contains(err.Error(), `run "rr": it wrote no result`) || !strings.Contains(err.Error(), "--json") {
		t.Errorf("one result of two: %v", err)
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
