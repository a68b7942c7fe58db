package linux

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"strings"
	"testing/iotest"

	"fishplate/riscv"
)

// helloELF greets its arguments; see testdata/hello.c.
//
//go:embed testdata/hello.elf
var helloELF []byte

// A program runs in a machine of its own, with the streams that it is given.
func Example() {
	program, err := Load(helloELF)
	if err != nil {
		fmt.Println(err)
		return
	}
	machine, err := riscv.NewMachine(program, MachineOptions(16<<20))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer machine.Close()
	process, err := New(machine, Config{Args: []string{"hello", "world", "you"}, Stdout: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := process.Run(context.Background(), 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("status", status.Code)
	// Output:
	// hello, world
	// hello, you
	// status 2
}

// A budget stops a program that does not end, and Run goes on where it was.
func ExampleProcess_Run() {
	process, closed := exampleProcess(Config{Args: []string{"hello", "spin"}})
	defer closed()
	for range 2 {
		status, err := process.Run(context.Background(), 1_000_000)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(status.Stopped, process.Machine.Instret)
	}
	// Output:
	// budget 1000000
	// budget 2000000
}

// A trace has a line for each system call.
func ExampleConfig_trace() {
	process, closed := exampleProcess(Config{Args: []string{"hello", "you"}, Trace: os.Stdout})
	defer closed()
	if _, err := process.Run(context.Background(), 0); err != nil {
		fmt.Println(err)
	}
	// Output:
	// write(1, "hello, ", 7) = 7
	// write(1, "you", 3) = 3
	// write(1, "\n", 1) = 1
	// exit(1) = ?
	// +++ exited with 1 +++
}

// What came from outside is recorded, and given again without the outside.
func ExampleConfig_record() {
	var tape bytes.Buffer
	first, closed := exampleProcess(Config{Args: []string{"hello"}, Record: &tape})
	defer closed()
	if _, err := first.Run(context.Background(), 0); err != nil {
		fmt.Println(err)
		return
	}
	again, closedToo := exampleProcess(Config{Args: []string{"hello"}, Replay: &tape, Stdin: iotest.ErrReader(os.ErrClosed)})
	defer closedToo()
	if _, err := again.Run(context.Background(), 0); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(first.Machine.Instret == again.Machine.Instret, first.Machine.X == again.Machine.X)
	// Output:
	// true true
}

// The table of what is served can be printed.
func ExampleReference() {
	var b strings.Builder
	if err := Reference(&b); err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, "clone") {
			fmt.Print(line)
		}
	}
	// Output:
	// | 220 | `clone` | a process has one thread and no children |
	// | 435 | `clone3` | a process has one thread and no children |
}

// exampleProcess makes a process of the small program, or panics: the examples
// are about what follows.
func exampleProcess(c Config) (p *Process, closed func()) {
	program, err := Load(helloELF)
	if err != nil {
		panic(err)
	}
	m, err := riscv.NewMachine(program, MachineOptions(16<<20))
	if err != nil {
		panic(err)
	}
	if p, err = New(m, c); err != nil {
		panic(err)
	}
	return p, m.Close
}
