package doctor

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"fishplate/internal/doctor/apply"
	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/measure"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/place"
	"fishplate/internal/doctor/report"
	"fishplate/internal/doctor/see"
)

// Report is what a run found.
type Report = report.Report

// Style is how a report looks as text.
type Style = report.Style

// System is the machine, or a fixture of one.
type System = see.System

// Ours is what our own configuration wants of the machine.
type Ours = see.Ours

// Status is the verdict of a check.
type Status = fact.Status

// The verdicts that an exit status may begin at.
const (
	Warn = fact.Warn
	Fail = fact.Fail
)

// NoRun is the exit status of a doctor that could not run.
const NoRun = report.NoRun

// Machine returns the machine that we run on.
func Machine() *System { return see.Machine() }

// At returns the machine below a folder: a capture, or a mounted image.
func At(dir string) (*System, error) { return see.At(dir) }

// Interval is the shortest time between two looks that counters can be judged by.
const Interval = 10 * time.Millisecond

// ReadReport reads a report that was written as JSON.
func ReadReport(in io.Reader) (report.Earlier, error) { return report.Read(in) }

// Options of a run.
type Options struct {
	// System is looked at; nil is the machine that we run on.
	System *System
	// Before is the same machine at an earlier time: counters are judged by the
	// difference. Nil judges them since boot.
	Before *System
	Only   []string
	Skip   []string
	Ours   *Ours
	// Probe measures first, for about two seconds; verdicts then go by what was
	// measured. It needs the machine that we run on.
	Probe bool
	// Measured is what was measured already, by Measure: Probe then measures nothing.
	Measured map[string]float64
	// Deadline bounds the looking; 0 is ten seconds. A check that has not answered
	// by then is unknown.
	Deadline time.Duration
}

// Measure measures what Probe does. Its load is in all counters of the machine:
// who compares two looks measures before the first.
func Measure(ctx context.Context) map[string]float64 {
	// What could not be measured is missing, which its row says.
	measured, _ := measure.All(ctx)
	return measured
}

// Run looks at the machine.
func Run(ctx context.Context, o Options) (*Report, error) {
	rows, err := Select(o.Only, o.Skip)
	if err != nil {
		return nil, err
	}
	if o.System == nil {
		o.System = see.Machine()
	}
	if o.Deadline == 0 {
		o.Deadline = 10 * time.Second
	}
	start := time.Now()
	measured := o.Measured
	if o.Probe && o.System.Live && measured == nil {
		measured = Measure(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, o.Deadline)
	defer cancel()
	v := &see.View{System: o.System, Env: place.Of(o.System), Before: o.Before, Ours: o.Ours, Measured: measured}
	r := &Report{Host: host(v), Results: look(ctx, v, rows)}
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

func host(v *see.View) report.Host {
	h := report.Host{Stack: v.Env.Stack}
	if text, err := v.Text("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel = text
	}
	if list, _, err := see.As(v.System, "/sys/devices/system/cpu/online", parse.CPUList); err == nil && len(list) > 0 {
		h.CPUs = len(list)
	} else if cpu, _, err := see.As(v.System, "/proc/cpuinfo", parse.ProcCPUInfo); err == nil {
		h.CPUs = cpu.Processors
	}
	return h
}

// look asks all rows in parallel, as many at once as wait for files of the kernel
// without being in each other's way.
func look(ctx context.Context, v *see.View, rows []see.Row) []report.Result {
	results := make([]report.Result, len(rows))
	places := make(chan struct{}, 4*runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for i, row := range rows {
		wait.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			results[i] = report.Result{Check: row.Check, Finding: ask(ctx, v, row)}
		})
	}
	wait.Wait()
	return results
}

// guarded asks a row, and answers for one that breaks: one text that a reader did not
// expect must not take the other checks along.
func guarded(row see.Row, v *see.View) (f fact.Finding) {
	defer func() {
		if p := recover(); p != nil {
			f = fact.Say(fact.Unknown, fmt.Sprintf("the check itself broke: %v", p))
		}
	}()
	return owed(v, row.Check, row.Look(v))
}

// owed leaves out of a finding the fixes whose settings stand so already.
func owed(v *see.View, c fact.Check, f fact.Finding) fact.Finding {
	fixes := report.Result{Check: c, Finding: f}.Fixes()
	left := slices.DeleteFunc(slices.Clone(fixes), func(x fact.Fix) bool {
		return len(x.Set) > 0 && !slices.ContainsFunc(x.Set, func(s fact.Setting) bool {
			now, err := v.Text(s.File)
			return err != nil || !s.Stands(now)
		})
	})
	switch {
	case len(left) == len(fixes):
		return f
	case len(left) == 0:
		first := fixes[0]
		left = []fact.Fix{{
			Command: fmt.Sprintf("by hand: %s is %s already, and it takes more than that", apply.Name(first.Set[0].File), first.Set[0].Value),
			Risk:    first.Risk, Who: first.Who, Undo: "the old value", Auto: fact.Never,
		}}
	}
	f.Fix = left
	return f
}

// ask asks one row, and answers for it when it does not.
func ask(ctx context.Context, v *see.View, row see.Row) fact.Finding {
	start := time.Now()
	answer := make(chan fact.Finding, 1)
	go func() { answer <- guarded(row, v) }()
	var f fact.Finding
	select {
	case f = <-answer:
	case <-ctx.Done():
		f = fact.Say(fact.Unknown, "no answer in time")
	}
	f.Seconds = time.Since(start).Seconds()
	return f
}
