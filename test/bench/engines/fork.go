//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"fishplate/riscv"
	"fishplate/test/bench/figures"
)

// A cost is that of one short operation.
type cost struct {
	Engine string    `json:"engine"`
	Case   string    `json:"case"`
	Pages  int       `json:"pages"` // that the guest stores to
	NS     []float64 `json:"ns"`    // CPU nanoseconds of one operation, by round
}

// The cases, with what the table calls them.
const (
	caseUse   = "take a fork, call, give it back"
	caseReset = "call in a kept fork, reset"
	caseCall  = "call only"
	caseHost  = "host call round trip"
)

var dirtyPages = []int{0, 1, 4, 8, 16}

// bars are the most that our engine's cases may cost, in nanoseconds.
var bars = map[string]float64{barKey(caseUse, 0): 100, barKey(caseUse, 1): 160, barKey(caseUse, 4): 500, barKey(caseHost, 0): 60}

// furtherMost is what each page above four may cost.
const furtherMost = 100.0

func barKey(name string, pages int) string { return fmt.Sprintf("%s %d", name, pages) }

// An operation is what is measured: do it n times.
type operation struct {
	engine string
	name   string
	pages  int
	times  func(n int) error
}

const (
	batch = 10 * time.Millisecond // of one reading

)

// forkPart measures forks, calls and what many forks hold.
func forkPart(dir string, o options, fields map[string]any) error {
	guest, err := compileOwn(dir, "fork.c", plain.c+" -nostdlib -mcmodel=medany -Wl,--no-relax")
	if err != nil {
		return err
	}
	module, err := compileOwn(dir, "fork.c", wasm.c+" -nostdlib -Wl,--no-entry")
	if err != nil {
		return err
	}
	var ops []operation
	var names []string
	for _, v := range variants() {
		f, err := newFrozen(guest, v.options)
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		defer f.close()
		ops = append(ops, f.operations(v.name)...)
		names = append(names, v.name)
	}
	w, err := wazeroOperations(module)
	if err != nil {
		return fmt.Errorf("wazero: %w", err)
	}
	ops = append(ops, w...)
	all, err := timeAll(ops, 2*o.rounds+1)
	if err != nil {
		return err
	}
	printCosts(all, append(names, "wazero"))
	fields["fork"] = all
	return manyForks(guest, fields)
}

// A variant is our engine with options.
type variant struct {
	name    string
	options riscv.Options
}

func variants() []variant {
	return []variant{{"JIT", riscv.Options{}}, {"interpreter", riscv.Options{JIT: riscv.JITOff}}}
}

// frozen is an image of fork.c and one fork that is kept.
type frozen struct {
	machine *riscv.Machine
	image   *riscv.Image
	kept    *riscv.Machine
	at      map[string]uint64
}

func newFrozen(file []byte, o riscv.Options) (*frozen, error) {
	p, err := riscv.LoadProgram(file)
	if err != nil {
		return nil, err
	}
	f := &frozen{}
	if f.at, err = symbols(p, "empty", "touch", "fill", "calls", "leave"); err != nil {
		return nil, err
	}
	if f.machine, err = riscv.NewMachine(p, o); err != nil {
		return nil, err
	}
	if e := f.machine.Run(enough); e.Kind != riscv.Stop {
		return nil, fmt.Errorf("start: %s", e.Kind)
	}
	if f.image, err = f.machine.Freeze(); err != nil {
		return nil, err
	}
	f.kept, err = f.image.Fork()
	return f, err
}

func (f *frozen) close() {
	f.kept.Close()
	f.image.Close()
	f.machine.Close()
}

// work is the function that dirties so many pages, and its argument.
func (f *frozen) work(m *riscv.Machine, pages int) error {
	name := "touch"
	if pages == 0 {
		name = "empty"
	}
	_, err := call(m, f.at[name], f.at["leave"], uint64(pages))
	return err
}

func (f *frozen) operations(engine string) []operation {
	var ops []operation
	for _, pages := range dirtyPages {
		ops = append(ops, operation{engine, caseUse, pages, func(n int) error {
			for range n {
				m, err := f.image.Fork()
				if err != nil {
					return err
				}
				if err := f.work(m, pages); err != nil {
					return err
				}
				m.Close()
			}
			return nil
		}}, operation{engine, caseReset, pages, func(n int) error {
			for range n {
				if err := f.work(f.kept, pages); err != nil {
					return err
				}
				f.kept.Reset()
			}
			return nil
		}})
	}
	return append(ops, operation{engine, caseCall, 0, func(n int) error {
		for range n {
			if err := f.work(f.kept, 0); err != nil {
				return err
			}
		}
		return nil
	}}, operation{engine, caseHost, 0, func(n int) error {
		_, err := call(f.kept, f.at["calls"], f.at["leave"], uint64(n))
		return err
	}})
}

// wazeroOperations are the same with instances of a compiled module. They live
// until the process ends.
func wazeroOperations(file []byte) ([]operation, error) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	host := r.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(context.Context, []uint64) {}), nil, nil).Export("host")
	if _, err := host.Instantiate(ctx); err != nil {
		return nil, err
	}
	c, err := r.CompileModule(ctx, file)
	if err != nil {
		return nil, err
	}
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	kept, err := r.InstantiateModule(ctx, c, config)
	if err != nil {
		return nil, err
	}
	var ops []operation
	for _, pages := range dirtyPages {
		ops = append(ops, operation{"wazero", caseUse, pages, func(n int) error {
			for range n {
				m, err := r.InstantiateModule(ctx, c, config)
				if err != nil {
					return err
				}
				if _, err := m.ExportedFunction("touch").Call(ctx, uint64(pages)); err != nil {
					return err
				}
				if err := m.Close(ctx); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	empty, calls := kept.ExportedFunction("empty"), kept.ExportedFunction("calls")
	return append(ops, operation{"wazero", caseCall, 0, func(n int) error {
		for range n {
			if _, err := empty.Call(ctx); err != nil {
				return err
			}
		}
		return nil
	}}, operation{"wazero", caseHost, 0, func(n int) error {
		_, err := calls.Call(ctx, uint64(n))
		return err
	}}), nil
}

// timeAll lets the operations take turns.
func timeAll(ops []operation, rounds int) ([]cost, error) {
	counts := make([]int, len(ops))
	all := make([]cost, len(ops))
	for i, op := range ops {
		all[i] = cost{Engine: op.engine, Case: op.name, Pages: op.pages}
		n, err := calibrate(op)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", op.engine, op.name, err)
		}
		counts[i] = n
	}
	for range rounds {
		for i, op := range ops {
			begin := cpuTime()
			if err := op.times(counts[i]); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", op.engine, op.name, err)
			}
			ns := float64((cpuTime() - begin).Nanoseconds()) / float64(counts[i])
			all[i].NS = append(all[i].NS, ns)
		}
	}
	return all, nil
}

// calibrate finds how often an operation fits into a batch, warming it up.
func calibrate(op operation) (int, error) {
	for n := 1; ; n *= 2 {
		begin := cpuTime()
		if err := op.times(n); err != nil {
			return 0, err
		}
		if took := cpuTime() - begin; took > batch/4 {
			return max(1, int(float64(n)*float64(batch)/float64(took))), nil
		}
	}
}

// printCosts prints medians with the least and the most reading, and judges ours.
func printCosts(all []cost, engines []string) {
	values := func(engine, name string, pages int) []float64 {
		for _, c := range all {
			if c.Engine == engine && c.Case == name && c.Pages == pages {
				return c.NS
			}
		}
		return nil
	}
	for _, e := range engines {
		fmt.Printf("\n%s, CPU ns\n", e)
		for _, name := range []string{caseUse, caseReset, caseCall, caseHost} {
			for _, pages := range dirtyPages {
				v := values(e, name, pages)
				if len(v) == 0 {
					continue
				}
				m := figures.Median(v)
				fmt.Printf("  %-32s %2d pages dirtied %10.0f  [%.0f … %.0f]", name, pages, m, figures.Quantile(v, 0), figures.Quantile(v, 1))
				if bar := bars[barKey(name, pages)]; bar > 0 && e != "wazero" {
					fmt.Printf("  (at most %.0f: %s)", bar, figures.Verdict(m <= bar))
				}
				fmt.Println()
			}
		}
		few, many := figures.Median(values(e, caseUse, 4)), figures.Median(values(e, caseUse, 16))
		if each := (many - few) / 12; e != "wazero" {
			fmt.Printf("  each page above four             %26.0f  (at most %.0f: %s)\n", each, furtherMost, figures.Verdict(each <= furtherMost))
		}
	}
	fmt.Fprintln(os.Stdout)
}
