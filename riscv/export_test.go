package riscv

// Seed is the flag -seed, for tests outside the package.
func Seed() uint64 { return *seedFlag }

// Raced says that the race detector watches, which makes everything several times
// slower: tests do less then, and say so.
const Raced = raceEnabled
