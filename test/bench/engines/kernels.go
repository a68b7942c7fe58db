//go:build linux

package main

// A kernel is a program of riscv/testdata/programs whose first argument says how
// much it has to do.
type kernel struct {
	name   string
	source string
	work   int    // about 40 ms of native code on a machine of 2026
	flags  string // further flags of every compiler
	noWasm string // why there is no WebAssembly of it; empty = there is
}

// kernels are what a web program does: calls, tables, text, sorting, hashes,
// interpreters, containers, and some floating point.
var kernels = []kernel{
	{name: "fib", source: "fib.c", work: 37},
	{name: "calls", source: "calls.c", work: 25000},
	{name: "bytecode", source: "bytecode.c", work: 80000},
	{name: "sieve", source: "sieve.c", work: 8000000},
	{name: "matrix", source: "matrix.c", work: 420},
	{name: "mix", source: "mix.c", work: 4000},
	{name: "string", source: "string.c", work: 25000},
	{name: "sort", source: "sort.c", work: 130000},
	{name: "sha256", source: "sha256.c", work: 10000},
	{name: "map", source: "map.cc", work: 200000},
	{name: "memcpy", source: "memcpy.c", work: 20000},
	{name: "json", source: "json.c", work: 1200},
	{name: "fft", source: "fft.c", work: 2200},
	{name: "nbody", source: "nbody.c", work: 800000},
	{name: "mandelbrot", source: "mandelbrot.c", work: 670},
}
