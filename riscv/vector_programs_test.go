package riscv_test

import (
	"path/filepath"
	"testing"
)

// vectorKits build for the vector extension: with the length of registers known
// to the compiler, and for any length, in groups of four.
func vectorKits() []kit {
	base := static(true, "rv64gcv")
	base.qemu = []string{"qemu-riscv64", "-cpu", "rv64,v=true,vext_spec=v1.0,vlen=128,elen=64"}
	var all []kit
	for name, options := range map[string][]string{
		"fixed":    {"-riscv-v-vector-bits-min=128"},
		"scalable": {"-scalable-vectorization=on", "-riscv-v-register-bit-width-lmul=4"},
	} {
		k := base
		k.name = "clang-rv64gcv-" + name
		command := append([]string(nil), base.compile[".c"]...)
		for _, o := range options {
			command = append(command, "-mllvm", o)
		}
		k.compile = map[string][]string{".c": append(command, "-O3", "-fno-math-errno", "-w")}
		all = append(all, k)
	}
	return all
}

// TestVectorPrograms runs what a compiler made of loops, and strings by hand: the
// output must be that of the host, whatever the engine and the slices of fuel.
// Qemu 7.2 aborts at conversions with a rounding mode of their own, which
// floats.c has.
func TestVectorPrograms(t *testing.T) {
	list, err := filepath.Glob("testdata/vector/*.c")
	if err != nil || len(list) == 0 {
		t.Fatalf("find programs: %d, %v", len(list), err)
	}
	kits := vectorKits()
	b := newBuilds(t, list, append(kits, host()))
	for _, source := range list {
		want, code := runOutside(t, host(), b.paths[key(source, host())])
		for _, k := range kits {
			t.Run(key(source, k), func(t *testing.T) {
				path := b.paths[key(source, k)]
				if filepath.Base(source) != "floats.c" {
					if out, c := runOutside(t, k, path); out != want || c != code {
						t.Fatalf("qemu: exit code %d and\n%s\nnative %d and\n%s", c, out, code, want)
					}
				}
				runHere(t, loadProgram(t, path), want, code)
			})
		}
	}
}
