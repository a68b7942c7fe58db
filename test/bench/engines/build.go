//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// A target is one way to compile a kernel.
type target struct {
	name   string
	c, cxx string // the compiler and its flags, separated by blanks
}

var (
	native = &target{name: "native", c: "gcc -O2", cxx: "g++ -O2"}
	plain  = &target{name: "rv64gc",
		c:   "riscv64-linux-gnu-gcc -O2 -static -march=rv64gc",
		cxx: "riscv64-linux-gnu-g++ -O2 -static -march=rv64gc"}
	bits = &target{name: "rv64gc_zb",
		c:   "riscv64-linux-gnu-gcc -O2 -static -march=rv64gc_zba_zbb_zbc_zbs",
		cxx: "riscv64-linux-gnu-g++ -O2 -static -march=rv64gc_zba_zbb_zbc_zbs"}
	wasm = &target{name: "wasm",
		c:   "clang-14 --target=wasm32-wasi -O2",
		cxx: "clang++-14 --target=wasm32-wasi -O2 -fno-exceptions"}
)

const sources = "riscv/testdata/programs"

// binaries are the compiled kernels.
type binaries struct {
	dir string
}

func (b *binaries) path(k *kernel, t *target) string {
	return filepath.Join(b.dir, k.name+"."+t.name)
}

// build compiles every kernel for every target, two compilers at a time.
func build(dir string, list []*kernel, targets []*target) (*binaries, error) {
	b := &binaries{dir: dir}
	var wait sync.WaitGroup
	slots := make(chan struct{}, 2)
	errs := make(chan error, len(list)*len(targets))
	for _, k := range list {
		for _, t := range targets {
			if t == wasm && k.noWasm != "" {
				continue
			}
			wait.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				if err := t.compile(filepath.Join(sources, k.source), b.path(k, t), k.flags); err != nil {
					errs <- err
				}
			})
		}
	}
	wait.Wait()
	close(errs)
	return b, <-errs
}

func (t *target) compile(source, out, flags string) error {
	line := t.c
	if filepath.Ext(source) == ".cc" {
		line = t.cxx
	}
	args := append(strings.Fields(line), "-ffp-contract=off") // the last bit of a product and a sum is part of the output
	args = append(args, strings.Fields(flags)...)
	args = append(args, "-o", out, source, "-lm")
	if msg, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("build %s for %s: %w\n%s", source, t.name, err, msg)
	}
	return nil
}

// scratch makes a folder for what is compiled; remove deletes it.
func scratch() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "engines")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}
