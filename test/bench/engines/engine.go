//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"fishplate/riscv"
	"fishplate/riscv/linux"
)

// An engine is one column of the table.
type engine struct {
	name   string
	target *target
	every  int  // it takes part in every such round
	warm   bool // it compiles while it runs: one run before the first round
	// prepare loads and, where the engine can do so ahead, compiles a program.
	prepare func(file string) (program, error)
}

// A program is a kernel that an engine is ready to run.
type program interface {
	run(work int) (sample, error)
	close()
}

// A translator is a program that tells what its compiler has done.
type translator interface{ translated() translation }

// A translation is what a compiler has done to one program.
type translation struct {
	Kernel       string  `json:"kernel"`
	Engine       string  `json:"engine"`
	MS           float64 `json:"ms"`
	Instructions int     `json:"instructions,omitempty"` // of the guest; those translated twice count twice
	Input        int     `json:"input,omitempty"`        // bytes of the module, where instructions are not known
	Output       int     `json:"output,omitempty"`       // bytes of code
}

// A sample is one run.
type sample struct {
	output       string // and the exit code
	took         time.Duration
	instructions uint64 // 0 where the engine does not count them
}

// columns are the engines, the measure of all first.
func columns() []*engine {
	return []*engine{
		{name: "native", target: native, every: 1, warm: true, prepare: child()},
		{name: "interpreter", target: plain, every: 2, prepare: ours(riscv.Options{JIT: riscv.JITOff})},
		{name: "JIT", target: plain, every: 1, warm: true, prepare: ours(riscv.Options{})},
		{name: "JIT Zb*", target: bits, every: 1, warm: true, prepare: ours(riscv.Options{})},
		{name: "wazero", target: wasm, every: 1, prepare: compiled(false)},
		{name: "wazero stoppable", target: wasm, every: 4, prepare: compiled(true)},
		{name: "qemu", target: plain, every: 2, prepare: child("qemu-riscv64")},
	}
}

// process is a program that runs in a process of its own.
type process struct{ command []string }

func child(command ...string) func(string) (program, error) {
	return func(file string) (program, error) {
		return &process{append(command[:len(command):len(command)], file)}, nil
	}
}

func (p *process) run(work int) (sample, error) {
	cmd := exec.Command(p.command[0], append(p.command[1:len(p.command):len(p.command)], strconv.Itoa(work))...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return sample{}, fmt.Errorf("run %s: %w", p.command[0], err)
	}
	return sample{output: outcome(out, cmd.ProcessState.ExitCode()), took: childTime(cmd)}, nil
}

func (p *process) close() {}

func outcome(out []byte, code int) string { return fmt.Sprintf("%sexit %d", out, code) }

// guest is a program on our engine. Its native code belongs to the program, so
// all runs but the first find it made.
type guest struct {
	program *riscv.Program
	options riscv.Options
}

func ours(o riscv.Options) func(string) (program, error) {
	o.MemoryLimit = 256 << 20
	return func(file string) (program, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		p, err := riscv.LoadProgram(text)
		if err != nil {
			return nil, err
		}
		return &guest{p, o}, nil
	}
}

func (g *guest) run(work int) (sample, error) {
	m, err := riscv.NewMachine(g.program, g.options)
	if err != nil {
		return sample{}, err
	}
	defer m.Close()
	var out bytes.Buffer
	p, err := linux.New(m, linux.Config{
		Args: []string{"guest", strconv.Itoa(work)}, Stdout: &out, Stderr: os.Stderr, Seed: make([]byte, 32),
	})
	if err != nil {
		return sample{}, err
	}
	begin := cpuTime()
	status, err := p.Run(context.Background(), 1<<62)
	took := cpuTime() - begin
	if err != nil {
		return sample{}, err
	}
	if !status.Exited {
		return sample{}, fmt.Errorf("the guest stopped: %s %v", status.Stopped, status.Exit.Fault)
	}
	return sample{output: outcome(out.Bytes(), status.Code), took: took, instructions: m.Instret}, nil
}

func (g *guest) close() {}

func (g *guest) translated() translation { return translationOf(g.program, g.options) }

func translationOf(p *riscv.Program, o riscv.Options) translation {
	if o.JIT == riscv.JITOff {
		return translation{}
	}
	s := p.JITStats()
	return translation{MS: milli(s.Time), Instructions: s.Instructions, Output: s.Bytes}
}

// module is a program compiled by wazero.
type module struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	made     translation
}

// compiled loads modules that can be stopped, which costs a check in each loop and
// call as a budget does, or that cannot, which is wazero's default.
func compiled(stoppable bool) func(string) (program, error) {
	return func(file string) (program, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		return newModule(text, wazero.NewRuntimeConfigCompiler().WithCloseOnContextDone(stoppable))
	}
}

func newModule(text []byte, config wazero.RuntimeConfig) (program, error) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, config)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return nil, errors.Join(fmt.Errorf("start wazero: %w", err), r.Close(ctx))
	}
	begin := time.Now()
	c, err := r.CompileModule(ctx, text)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("compile module: %w", err), r.Close(ctx))
	}
	return &module{r, c, translation{MS: milli(time.Since(begin)), Input: len(text)}}, nil
}

func (m *module) run(work int) (sample, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out bytes.Buffer
	config := wazero.NewModuleConfig().WithName("").WithArgs("guest", strconv.Itoa(work)).
		WithStdout(&out).WithStderr(os.Stderr).WithStdin(io.MultiReader())
	begin := cpuTime()
	mod, err := m.runtime.InstantiateModule(ctx, m.compiled, config)
	took := cpuTime() - begin
	if mod != nil {
		defer mod.Close(ctx)
	}
	code := uint32(0)
	if exit := (*sys.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		return sample{}, fmt.Errorf("run module: %w", err)
	}
	return sample{output: outcome(out.Bytes(), int(code)), took: took}, nil
}

func (m *module) translated() translation { return m.made }

func (m *module) close() { _ = m.runtime.Close(context.Background()) }
