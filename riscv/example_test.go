package riscv

import "fmt"

// A program's start-up runs once; afterwards every request gets a fork that
// starts where the start-up stopped, under a budget of its own.
func Example() {
	program, err := LoadProgram(countingELF())
	if err != nil {
		fmt.Println(err)
		return
	}
	machine, err := NewMachine(program, Options{MemoryLimit: 1 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer machine.Close()
	machine.Run(1000) // until the program's first ecall
	machine.SkipCall()

	image, err := machine.Freeze()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer image.Close()
	fork, err := image.Fork()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer fork.Close()
	for _, argument := range []uint64{20, 3} {
		fork.X[10] = argument
		limit := fork.Instret + 1000
		for {
			exit := fork.Run(limit - fork.Instret)
			if exit.Kind == Call {
				fmt.Printf("call %d: a0 = %d\n", fork.X[17], fork.X[10])
				fork.SkipCall()
				continue
			}
			fmt.Println("stopped:", exit.Kind == Stop, "instructions:", fork.Instret)
			break
		}
		fork.Reset()
	}

	_, err = LoadProgram([]byte("#!/bin/sh"))
	fmt.Println(err)
	// Output:
	// call 7: a0 = 40
	// stopped: true instructions: 5
	// call 7: a0 = 6
	// stopped: true instructions: 5
	// bad ELF magic
}

func ExampleDisasm() {
	fmt.Println(Disasm(0x00a58533, 0))
	fmt.Println(Disasm(0xfe0718e3, 0x10010))
	fmt.Println(Disasm(0x8082, 0))
	// Output:
	// add	a0,a1,a0
	// bne	a4,zero,0x10000
	// c.jr	ra
}

// countingELF is a program for the example: it starts up with one system call
// and then, for each request, doubles a0 and reports it with another.
func countingELF() []byte {
	return writeELF([]uint32{
		wCall,
		0x00a50533,            // add a0,a0,a0
		encI(wAddi, 17, 0, 7), // li a7,7
		wCall,
		wStop,
	}, make([]byte, 8))
}
