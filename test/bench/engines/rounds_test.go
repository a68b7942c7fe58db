//go:build linux

package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fake is a program that takes as long as its work says.
type fake struct {
	output string
	slow   float64 // milliseconds for each unit of work
	err    error
}

func (f *fake) run(work int) (sample, error) {
	took := time.Duration((5 + f.slow*float64(work)) * 1e6)
	return sample{output: f.output, took: took, instructions: uint64(100 + 1e6*work)}, f.err
}

func (f *fake) close() {}

// fakes are engines of which the first is the measure, and a kernel for each.
func fakes(work int, slow ...float64) ([]*engine, *ready) {
	k := &ready{kernel: &kernel{name: "k", work: work}, programs: map[string]program{}}
	var engines []*engine
	for i, s := range slow {
		name := []string{"native", "a", "b"}[i]
		engines = append(engines, &engine{name: name, every: 1 + i})
		k.programs[name] = &fake{output: "same", slow: s}
	}
	return engines, k
}

func TestMeasureSubtractsTheStart(t *testing.T) {
	engines, k := fakes(10, 1, 3, 12)
	all, err := measure([]*ready{k}, engines, 4)
	if err != nil {
		t.Fatal(err)
	}
	views := overviews(all, []*ready{k}, engines)
	want := []overview{
		{Engine: "native", Ratios: map[string]float64{"k": 1}, Mean: 1, Worst: "k", MIPS: 1000, Measured: 1},
		{Engine: "a", Ratios: map[string]float64{"k": 3}, Mean: 3, Worst: "k", MIPS: 1000. / 3, Measured: 1},
		{Engine: "b", Ratios: map[string]float64{"k": 12}, Mean: 12, Worst: "k", MIPS: 1000. / 12, Measured: 1},
	}
	if diff := cmp.Diff(want, views, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Errorf("overviews (-want +got):\n%s", diff)
	}
	for name, rounds := range map[string]int{"native": 4, "a": 2, "b": 2} {
		if got := len(pick(all, "k", name)); got != rounds {
			t.Errorf("%s took part in %d rounds, want %d", name, got, rounds)
		}
	}
}

func TestWrongOutputIsAnError(t *testing.T) {
	engines, k := fakes(10, 1, 3)
	k.programs["a"].(*fake).output = "other"
	_, err := measure([]*ready{k}, engines, 1)
	if err == nil || !strings.Contains(err.Error(), `k 0 on a prints "other", native code "same"`) {
		t.Errorf("measure: %v", err)
	}
	k.programs["a"].(*fake).err = errors.New("stopped")
	if _, err := measure([]*ready{k}, engines, 1); err == nil || err.Error() != "k on a: stopped" {
		t.Errorf("measure: %v", err)
	}
}

func TestSelected(t *testing.T) {
	if list, err := selected("sort,fib"); err != nil || len(list) != 2 {
		t.Errorf("selected: %d, %v", len(list), err)
	}
	if _, err := selected("sorting"); err == nil {
		t.Error("selected a kernel that does not exist")
	}
	if list, err := chosen("qemu,JIT"); err != nil || len(list) != 3 || list[0].name != "native" {
		t.Errorf("chosen: %d, %v", len(list), err)
	}
	if _, err := chosen("V8"); err == nil {
		t.Error("chose an engine that does not exist")
	}
}

func TestCalibrateReportsErrors(t *testing.T) {
	boom := errors.New("boom")
	if _, err := calibrate(operation{times: func(int) error { return boom }}); !errors.Is(err, boom) {
		t.Errorf("calibrate: %v", err)
	}
}

func TestRecordsKeepTheRounds(t *testing.T) {
	engines, k := fakes(10, 1, 3)
	all, err := measure([]*ready{k}, engines, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []*record{
		{Kernel: "k", Engine: "native", MS: []float64{10, 10, 10}, StartMS: []float64{5, 5, 5}, Instructions: 10e6},
		{Kernel: "k", Engine: "a", MS: []float64{30, 30}, StartMS: []float64{5, 5}, Instructions: 10e6},
	}
	if diff := cmp.Diff(want, records(all)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
