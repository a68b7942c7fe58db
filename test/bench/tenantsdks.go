//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"syscall"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/program"
	"fishplate/internal/tenant"
	"fishplate/sdk"
	"fishplate/test/bench/figures"
)

// The same program in the language of each SDK.
var sdks = map[string]string{
	"C":    "test/bench/sdks/same.c",
	"C++":  "test/bench/sdks/same.cpp",
	"Rust": "test/bench/sdks/rust",
	"Go":   "test/bench/sdks/go",
}

// sdkPath is a request that the program lets pass, with a field more.
const sdkPath = "/price/7"

// sdkWork compiles a program, starts it, and calls on_recv for as long as a round
// takes. Value and CPU are both microseconds of CPU per request.
func sdkWork(b *bench, s *system) (result, error) {
	source := sdks[s.name]
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	builder := program.New(filepath.Join(b.dir, "programs"), sdk.Headers, func(string, *program.Result) {})
	elf, err := builder.Read(context.Background(), source) // compiled now, so that start-up is that alone
	if err != nil {
		return result{}, err
	}
	set := tenant.NewSet(tenant.Options{Logger: log, ReadFile: func(context.Context, string) ([]byte, error) { return elf, nil }})
	defer set.Close()
	began := time.Now()
	u, errs := set.Prepare(context.Background(), []*model.Tenant{{
		Name: "t", Program: source, Memory: 256 << 20, Instructions: 1_000_000_000, Time: 10 * time.Second, Concurrency: 4, Share: 10, OnFault: "fail",
	}})
	if errs != nil {
		return result{}, errs[0]
	}
	u.Commit()
	start := time.Since(began)
	t := set.Tenant("t")
	ctx := context.Background()
	req := &message.Request{Method: []byte("GET"), Target: []byte(sdkPath), Path: []byte(sdkPath), Scheme: "http", Host: []byte("a.test"), Minor: 1}
	once := func() error {
		req.Header.Reset(nil)
		req.Add("Host", "a.test")
		run, f := t.Admit(ctx)
		if f != nil {
			return f
		}
		defer run.Release()
		if _, f := run.OnRecv(ctx, req, ""); f != nil {
			return f
		}
		return nil
	}
	for range 200 { // until what is used often is translated
		if err := once(); err != nil {
			return result{}, err
		}
	}
	cells := t.Counters()
	instructions, dirty := cells.Value(metrics.TenantInstructions), cells.Value(metrics.TenantDirty)
	n := 0
	began = time.Now()
	cpu := ownCPU()
	for time.Since(began) < time.Duration(b.seconds)*time.Second {
		if err := once(); err != nil {
			return result{}, err
		}
		n++
	}
	each := (ownCPU() - cpu).Seconds() * 1e6 / float64(n)
	st := t.Status()
	return result{Value: each, Unit: "µs", CPU: each, CPUU: "µs", More: map[string]float64{
		"start": float64(start.Microseconds()), "file": float64(len(elf)), "pages": float64(st.Pages), "main": float64(st.Startup),
		"instructions": float64(cells.Value(metrics.TenantInstructions)-instructions) / float64(n),
		"dirty":        float64(cells.Value(metrics.TenantDirty)-dirty) / float64(n),
	}}, nil
}

// ownCPU is the CPU that this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it only fails for arguments that are wrong
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// printSDKs prints instructions as they are charged: with those for what the host
// does, of which an allocation by the host, as Rust's are, costs 2,000.
func printSDKs(w work, results []result) {
	fmt.Printf("%s\n  %-6s %12s %12s %12s %14s %14s %12s %10s\n", w.title, "", "start µs", "file KiB", "image KiB", "instr. main", "charged/req", "dirty pages", "µs/req")
	for _, name := range w.systems {
		var each, start []float64
		var m map[string]float64
		for _, r := range results {
			if r.System == name {
				each, start, m = append(each, r.Value), append(start, r.More["start"]), r.More
			}
		}
		fmt.Printf("  %-6s %12.0f %12.1f %12.0f %14.0f %14.1f %12.1f %10.3f\n", name, figures.Median(start), m["file"]/1024, m["pages"]*4, m["main"],
			m["instructions"], m["dirty"], figures.Median(each))
	}
	fmt.Println()
}
