package debug

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/riscv"
	"fishplate/riscv/symbols"
)

// at looks a symbol up and describes what is known off bytes behind it.
func at(t *testing.T, path, symbol string, off uint64) []string {
	t.Helper()
	program, lines := load(t, path)
	addr, ok := program.Lookup(symbol)
	if !ok {
		t.Fatalf("there is no symbol %s", symbol)
	}
	var list []string
	for _, l := range lines.At(addr + off) {
		list = append(list, fmt.Sprintf("%s %s:%d", l.Func, filepath.Base(l.File), l.Line))
	}
	return list
}

func TestAt(t *testing.T) {
	debugged := build(t, 64, "shop.c", "-g", "-O0")
	narrow := build(t, 32, "shop.c", "-gdwarf-4", "-O0")
	bare := build(t, 64, "shop.c", "-O0")
	tests := []struct {
		path, symbol string
		off          uint64
		want         []string
	}{
		{debugged, "cost", 0, []string{"cost shop.c:25"}},
		{narrow, "sum", 0, []string{"sum shop.c:30"}},
		{bare, "sum", 4, []string{"sum .:0"}},
		{bare, "total", 0, nil},                // not code
		{bare, "_start", 0xffffff, nil},        // beyond all
		{bare, "_start", ^uint64(0xffff), nil}, // before the first function
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, at(t, tt.path, tt.symbol, tt.off)); diff != "" {
			t.Errorf("%s+%#x (-want +got):\n%s", tt.symbol, tt.off, diff)
		}
	}
	var none *Lines
	if got := none.At(0x10000); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

// TestAtEveryInstruction finds a line for all code that has debug information.
func TestAtEveryInstruction(t *testing.T) {
	program, lines := load(t, build(t, 64, "crash.c", "-g", "-O2"))
	pc, _ := program.Lookup("main")
	for {
		if entry, ok := lines.Function(pc); !ok || entry > pc {
			t.Fatalf("%#x: no function", pc)
		}
		if name, _ := program.Symbol(pc); name != "main" {
			return
		}
		list := lines.At(pc)
		if len(list) == 0 || list[len(list)-1].Func != "main" || list[0].Line == 0 {
			t.Errorf("%#x: %+v", pc, list)
		}
		in, ok := program.Decode(pc)
		if !ok {
			t.Fatalf("no code at %#x", pc)
		}
		pc += uint64(in.Len)
	}
}

func TestNames(t *testing.T) {
	program, lines := load(t, buildStatic(t, "shapes.cc", "-g", "-O1"))
	p := start(t, program, new(strings.Builder))
	status, err := p.Run(t.Context(), 0)
	if err != nil || status.Signal != 6 {
		t.Fatalf("%+v, %v", status, err)
	}
	var names []string
	for _, f := range Backtrace(p.Machine, lines) {
		names = append(names, f.Func)
	}
	got := strings.Join(names, "\n")
	want := "abort\nshapes::Box::area\nshapes::operator+"
	if !strings.Contains(strings.ReplaceAll(got, "\nshapes::operator+::{lambda#1}::operator()", ""), want) || !strings.Contains(got, "main\n") {
		t.Errorf("got\n%s\nwant in it\n%s", got, want)
	}
	if got := symbols.Readable("_RNvCs15kBYyAo9fc_7mycrate7example"); got != "mycrate::example" {
		t.Errorf("a Rust name is %q", got)
	}
	if long := symbols.Readable("_Z" + strings.Repeat("1aS_", 1000)); len(long) > 1<<14 {
		t.Errorf("a name of %d bytes", len(long))
	}
}

func TestReadLinesRefuses(t *testing.T) {
	good, err := os.ReadFile(build(t, 64, "shop.c", "-g"))
	if err != nil {
		t.Fatal(err)
	}
	other := append([]byte(nil), good...)
	binary.LittleEndian.PutUint16(other[18:], 62)
	for name, file := range map[string][]byte{"nothing": nil, "text": []byte("#!/bin/sh"), "another machine": other, "its beginning": good[:100]} {
		if l, err := ReadLines(file); err == nil {
			t.Errorf("%s: read as %v", name, l)
		}
	}
}

// TestReadLinesEnds cuts a number off at the end of the debug information, where
// the reader of the standard library returns the same entry again and again.
func TestReadLinesEnds(t *testing.T) {
	file, err := os.ReadFile(build(t, 64, "shop.c", "-g"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	s := f.Section(".debug_info")
	file[s.Offset+s.FileSize-1] = 0x80
	l, err := ReadLines(file)
	program, err2 := riscv.LoadProgram(file)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if pc, _ := program.Lookup("main"); len(l.At(pc)) != 1 || l.At(pc)[0].Line == 0 {
		t.Errorf("at main: %+v", l.At(pc))
	}
}
