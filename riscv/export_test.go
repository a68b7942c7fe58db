package riscv

// Seed is the flag -seed, for tests outside the package.
func Seed() uint64 { return *seedFlag }
