package debug_test

import (
	"context"
	"net"
	"os"

	"fishplate/riscv"
	"fishplate/riscv/debug"
	"fishplate/riscv/linux"
)

// load makes a process of the program at path.
func load(path string) (*linux.Process, *debug.Lines, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	program, err := riscv.LoadProgram(file)
	if err != nil {
		return nil, nil, err
	}
	lines, err := debug.ReadLines(file)
	if err != nil {
		return nil, nil, err
	}
	options := linux.MachineOptions(64 << 20)
	options.JIT = riscv.JITOff
	m, err := riscv.NewMachine(program, options)
	if err != nil {
		return nil, nil, err
	}
	p, err := linux.New(m, linux.Config{Args: []string{path}, Stdout: os.Stdout})
	return p, lines, err
}

// A program that faults, and how it came there.
func ExampleBacktrace() {
	p, lines, err := load("program.elf")
	if err != nil {
		return
	}
	defer p.Machine.Close()
	if status, err := p.Run(context.Background(), 1e9); err == nil && status.Stopped == linux.StoppedFault {
		_ = debug.Print(os.Stderr, debug.Backtrace(p.Machine, lines))
	}
}

// A profile for "go tool pprof".
func ExampleRecord() {
	p, lines, err := load("program.elf")
	if err != nil {
		return
	}
	defer p.Machine.Close()
	recording, err := debug.Record(context.Background(), debug.Linux(p), lines, 1e9)
	if err != nil {
		return
	}
	if f, err := os.Create("program.pprof"); err == nil {
		_ = recording.WritePprof(f)
		f.Close()
	}
}

// One debugger after another, until the program is over.
func ExampleServeGDB() {
	p, lines, err := load("program.elf")
	if err != nil {
		return
	}
	defer p.Machine.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:1234")
	if err != nil {
		return
	}
	defer listener.Close()
	guest := debug.Linux(p)
	for over := false; !over; {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if over, err = debug.ServeGDB(context.Background(), conn, &guest, lines); err != nil {
			return
		}
	}
}
