package riscv_test

import (
	"fmt"

	"fishplate/riscv"
)

// A program's start-up runs once; afterwards every request gets a fork that
// starts where the start-up stopped, under a budget of its own.
func Example() {
	program, err := riscv.LoadProgram(riscv.CountingELF())
	if err != nil {
		fmt.Println(err)
		return
	}
	machine, err := riscv.NewMachine(program, riscv.Options{MemoryLimit: 1 << 20})
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
			if exit.Kind == riscv.Call {
				fmt.Printf("call %d: a0 = %d\n", fork.X[17], fork.X[10])
				fork.SkipCall()
				continue
			}
			fmt.Println("stopped:", exit.Kind == riscv.Stop, "instructions:", fork.Instret)
			break
		}
		fork.Reset()
	}

	_, err = riscv.LoadProgram([]byte("#!/bin/sh"))
	fmt.Println(err)
	// Output:
	// call 7: a0 = 40
	// stopped: true instructions: 5
	// call 7: a0 = 6
	// stopped: true instructions: 5
	// bad ELF magic
}

func ExampleDisasm() {
	fmt.Println(riscv.Disasm(0x00a58533, 0))
	fmt.Println(riscv.Disasm(0xfe0718e3, 0x10010))
	fmt.Println(riscv.Disasm(0x8082, 0))
	// Output:
	// add	a0,a1,a0
	// bne	a4,zero,0x10000
	// c.jr	ra
}
