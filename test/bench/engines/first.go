//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"fishplate/riscv"
	"fishplate/riscv/linux"
	"fishplate/test/bench/figures"
)

// The steps that lie between a file and its answers, in their order; the sum of
// all but the last is the time to the first answer. Times are microseconds on the
// clock on the wall, since a compiler may work on other threads.
var steps = []string{"load", "machine", "start", "freeze", "fork", "first call", "later call"}

const (
	laterCalls = 1000
	firstMost  = 50 // ms to the first answer
)

// A lap notes the steps of one round.
type lap struct {
	at   time.Time
	us   map[string]float64 // by step
	made translation        // until the first answer
}

func (l *lap) done(name string, times int) {
	l.us[name] = float64(time.Since(l.at).Nanoseconds()) / 1e3 / float64(times)
	l.at = time.Now()
}

// compilePart measures how soon a program of 500 KB answers.
func compilePart(dir string, o options, fields map[string]any) error {
	guest, err := compileOwn(dir, "first.c", plain.c)
	if err != nil {
		return err
	}
	module, err := compileOwn(dir, "first.c", wasm.c+" -mexec-model=reactor")
	if err != nil {
		return err
	}
	files := map[bool][]byte{false: guest, true: module}
	times := map[string]map[string][]float64{} // by engine and step
	var made []translation
	for round := range o.rounds + 1 {
		want := uint64(0)
		for _, e := range starters() {
			l := &lap{at: time.Now(), us: map[string]float64{}}
			got, err := e.start(files[e.wasm], l)
			if err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
			if want == 0 {
				want = got
			}
			if got != want {
				return fmt.Errorf("%s answers %d, the one before %d", e.name, got, want)
			}
			if round == 0 { // it warms up
				times[e.name] = map[string][]float64{}
				continue
			}
			for name, us := range l.us {
				times[e.name][name] = append(times[e.name][name], us)
			}
			if l.made.MS > 0 {
				l.made.Engine = e.name
				made = append(made, l.made)
			}
		}
	}
	printSteps(times, len(guest), len(module))
	if len(made) > 0 {
		// The compiler's time is the wall's: only what interrupts it makes it longer.
		t := slices.MinFunc(made, func(a, b translation) int { return cmp.Compare(a.each(), b.each()) })
		fmt.Printf("until then %s translated %d instructions in %.1f ms: %.2f µs each, in the round with the least interruptions  (at most %.1f: %s)\n",
			t.Engine, t.Instructions, t.MS, t.each(), compileMost, figures.Verdict(t.each() <= compileMost))
	}
	fields["first"], fields["firstCompile"] = times, made
	return nil
}

// A starter takes a file to its first answers and returns their sum.
type starter struct {
	name  string
	wasm  bool
	start func(file []byte, l *lap) (uint64, error)
}

func starters() []starter {
	return []starter{
		{"interpreter", false, startOurs(riscv.Options{JIT: riscv.JITOff})},
		{"JIT", false, startOurs(riscv.Options{})},
		{"wazero", true, startWazero},
	}
}

func startOurs(o riscv.Options) func([]byte, *lap) (uint64, error) {
	return func(file []byte, l *lap) (uint64, error) {
		p, err := riscv.LoadProgram(file)
		if err != nil {
			return 0, err
		}
		at, err := symbols(p, "handle", "leave")
		if err != nil {
			return 0, err
		}
		l.done("load", 1)
		m, err := riscv.NewMachine(p, o)
		if err != nil {
			return 0, err
		}
		defer m.Close()
		process, err := linux.New(m, linux.Config{Args: []string{"guest"}})
		if err != nil {
			return 0, err
		}
		l.done("machine", 1)
		status, err := process.Run(context.Background(), enough)
		if err != nil || status.Exit.Kind != riscv.Stop {
			return 0, fmt.Errorf("start up: %s %v", status.Exit.Kind, err)
		}
		l.done("start", 1)
		image, err := m.Freeze()
		if err != nil {
			return 0, err
		}
		defer image.Close()
		l.done("freeze", 1)
		f, err := image.Fork()
		if err != nil {
			return 0, err
		}
		defer f.Close()
		l.done("fork", 1)
		return answers(l, func(n uint64) (uint64, error) {
			if n == 1 {
				l.made = translationOf(p, o)
			}
			return call(f, at["handle"], at["leave"], n)
		})
	}
}

// answers calls handle once, and then often.
func answers(l *lap, handle func(n uint64) (uint64, error)) (uint64, error) {
	sum := uint64(0)
	for n := range uint64(1 + laterCalls) {
		r, err := handle(n)
		if err != nil {
			return 0, err
		}
		sum += r
		if n == 0 {
			l.done("first call", 1)
		}
	}
	l.done("later call", laterCalls)
	return sum, nil
}

// startWazero does the same with a module. It has no image: the steps between
// are its instance, and the start-up of the program in it.
func startWazero(file []byte, l *lap) (uint64, error) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer r.Close(ctx)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return 0, err
	}
	c, err := r.CompileModule(ctx, file)
	if err != nil {
		return 0, err
	}
	l.done("load", 1)
	config := wazero.NewModuleConfig().WithName("").WithStdin(io.MultiReader()).WithStartFunctions("_initialize")
	mod, err := r.InstantiateModule(ctx, c, config)
	if err != nil {
		return 0, err
	}
	l.done("machine", 1)
	if _, err := mod.ExportedFunction("setup").Call(ctx); err != nil {
		return 0, err
	}
	l.done("start", 1)
	handle := mod.ExportedFunction("handle")
	return answers(l, func(n uint64) (uint64, error) {
		v, err := handle.Call(ctx, n)
		if err != nil {
			return 0, err
		}
		return v[0], nil
	})
}

// printSteps prints medians, a line an engine.
func printSteps(times map[string]map[string][]float64, guest, module int) {
	fmt.Printf("\nfrom the file (%d KB; as WebAssembly %d KB) to its answers, µs\n%-14s", guest/1000, module/1000, "")
	for _, s := range steps {
		fmt.Printf("%12s", s)
	}
	fmt.Printf("%18s\n", "to first answer")
	for _, e := range starters() {
		fmt.Printf("%-14s", e.name)
		total := 0.0
		for i, name := range steps {
			m := figures.Median(times[e.name][name])
			if i < len(steps)-1 {
				total += m
			}
			fmt.Printf("%12.1f", m)
		}
		fmt.Printf("%15.2f ms  (at most %d: %s)\n", total/1e3, firstMost, figures.Verdict(total <= firstMost*1e3))
	}
}
