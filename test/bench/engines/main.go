//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"fishplate/test/bench/figures"
)

// options are the flags.
type options struct {
	rounds int
	only   string
	beside string
	parts  string
	out    string
	core   int
	hot    string
	work   int
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of each measure")
	flag.StringVar(&o.only, "only", "", "comma-separated kernels; empty = all")
	flag.StringVar(&o.beside, "engines", "", "comma-separated engines beside native code; empty = all")
	flag.StringVar(&o.parts, "parts", "kernels,compile,fork", "what to measure")
	flag.StringVar(&o.out, "out", "test/bench/results", "folder for the results; empty = keep none")
	flag.IntVar(&o.core, "core", 1, "the core that everything runs on")
	flag.StringVar(&o.hot, "hot", "", "print this kernel's hottest blocks instead")
	flag.IntVar(&o.work, "work", 0, "for -hot: how much work; 0 = as measured")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "engines:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	dir, remove, err := scratch()
	if err != nil {
		return err
	}
	defer remove()
	if o.hot != "" {
		return printHot(dir, o.hot, o.work)
	}
	if err := pin(o.core); err != nil {
		return err
	}
	facts := figures.Machine([]string{"gcc", "--version"}, []string{"riscv64-linux-gnu-gcc", "--version"},
		[]string{"clang-14", "--version"}, []string{"qemu-riscv64", "--version"}, []string{"go", "version"})
	facts += ", " + wazeroVersion()
	fmt.Println(facts)
	fields := map[string]any{"machine": facts, "rounds": o.rounds}
	for _, part := range []struct {
		name string
		run  func(string, options, map[string]any) error
	}{{"kernels", kernelPart}, {"compile", compilePart}, {"fork", forkPart}} {
		if !slices.Contains(strings.Split(o.parts, ","), part.name) {
			continue
		}
		if err := part.run(dir, o, fields); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if o.out == "" {
		return nil
	}
	path, err := figures.Store(o.out, "engines-", fields)
	fmt.Println("stored in", path)
	return err
}

// kernelPart measures the kernels on every engine.
func kernelPart(dir string, o options, fields map[string]any) error {
	list, err := selected(o.only)
	if err != nil {
		return err
	}
	engines, err := chosen(o.beside)
	if err != nil {
		return err
	}
	var targets []*target
	for _, e := range engines {
		if !slices.Contains(targets, e.target) {
			targets = append(targets, e.target)
		}
	}
	b, err := build(dir, list, targets)
	if err != nil {
		return err
	}
	var all []*ready
	defer func() {
		for _, r := range all {
			r.close()
		}
	}()
	for _, k := range list {
		r, err := prepare(b, k, engines)
		all = append(all, r)
		if err != nil {
			return err
		}
	}
	readings, err := measure(all, engines, o.rounds)
	if err != nil {
		return err
	}
	views := overviews(readings, all, engines)
	fmt.Printf("\n%d rounds, interleaved, on core %d\n", o.rounds, o.core)
	printKernels(readings, all, engines, views)
	fields["kernels"], fields["engines"] = records(readings), views
	made := translations(all, engines)
	printTranslations(made, engines)
	fields["compile"] = made
	return nil
}

// selected returns the kernels that are asked for.
func selected(only string) ([]*kernel, error) {
	var list []*kernel
	for i := range kernels {
		if only == "" || slices.Contains(strings.Split(only, ","), kernels[i].name) {
			list = append(list, &kernels[i])
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("choose kernels: none is called %q", only)
	}
	return list, nil
}

// chosen returns native code and the engines that are asked for.
func chosen(beside string) ([]*engine, error) {
	var list []*engine
	for i, e := range columns() {
		if i == 0 || beside == "" || slices.Contains(strings.Split(beside, ","), e.name) {
			list = append(list, e)
		}
	}
	if len(list) == 1 {
		return nil, fmt.Errorf("choose engines: none is called %q", beside)
	}
	return list, nil
}
