package riscv

// CountingELF is a program for the example: it starts up with one system call
// and then, for each request, doubles a0 and reports it with another.
func CountingELF() []byte {
	return writeELF([]uint32{
		wCall,
		0x00a50533,            // add a0,a0,a0
		encI(wAddi, 17, 0, 7), // li a7,7
		wCall,
		wStop,
	}, make([]byte, 8))
}
