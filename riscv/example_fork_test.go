package riscv

import "fmt"

// A fork that waits for something can be parked: what it wrote stays, its host
// memory serves other forks meanwhile.
func ExampleMachine_Park() {
	program, err := LoadProgram(countingELF())
	if err != nil {
		fmt.Println(err)
		return
	}
	machine, err := NewMachine(program, Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer machine.Close()
	image, err := machine.Freeze()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer image.Close()

	var sessions [3]*Machine
	for i := range sessions {
		if sessions[i], err = image.Fork(); err != nil {
			fmt.Println(err)
			return
		}
		defer sessions[i].Close()
		if err := sessions[i].Mem.Write(dataAt, fmt.Appendf(nil, "session %d", i)); err != nil {
			fmt.Println(err)
			return
		}
		sessions[i].Park()
	}
	cost := image.Stats()
	fmt.Println("parked:", cost.Parked, "in use:", cost.InUse, "kept by one:", sessions[0].MemoryStats().Kept, "bytes")
	text, err := sessions[1].Mem.CString(dataAt, 20) // wakes it
	fmt.Println(text, err, "in use:", image.Stats().InUse)
	// Output:
	// parked: 3 in use: 0 kept by one: 137 bytes
	// session 1 <nil> in use: 1
}
