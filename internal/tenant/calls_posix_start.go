package tenant

import (
	"context"
)

// processStack builds what Linux gives a process: strings, argc, argv, envp and
// the auxiliary vector (guest ABI §1.3), in words of the program's width, and
// leaves sp at argc.
func (v *vm) processStack() error {
	v.m.X[2] = v.stackTop
	random, err := v.randomBytes(context.Background(), 16)
	if err != nil {
		return err
	}
	randomAt, err := v.place(random)
	if err != nil {
		return err
	}
	name := "RISC-V 64-bit"
	if v.image.narrow {
		name = "RISC-V 32-bit"
	}
	platform, err := v.push(name)
	if err != nil {
		return err
	}
	phdr := v.image.program.Phdr
	if phdr == 0 {
		v.m.X[2] &^= 7
		if phdr, err = v.place(v.image.program.Phdrs); err != nil {
			return err
		}
	}
	words, err := v.placeStrings()
	if err != nil {
		return err
	}
	p := v.image.program
	words = append(words, 6, 4096, 17, 100, 3, phdr, 4, uint64(p.PhEnt), 5, uint64(p.PhNum),
		7, p.Entry&^0xFFFFFF, 9, p.Entry, 16, 0, 26, 0, 11, 1000, 12, 0, 13, 0, 14, 0, 23, 0,
		15, platform, 25, randomAt, 0, 0)
	w := v.word()
	block := make([]byte, uint64(len(words))*w)
	for i, n := range words {
		v.putWord(block[uint64(i)*w:], n)
	}
	v.m.X[2] = (v.m.X[2] - uint64(len(block))) &^ 15
	return v.store(v.m.X[2], block)
}

// placeStrings puts arguments and environment on the stack and returns argc and
// the two vectors.
func (v *vm) placeStrings() ([]uint64, error) {
	words := []uint64{uint64(len(v.image.tenant.Arguments)) + 1}
	for _, list := range [][]string{
		append([]string{v.image.tenant.Name}, v.image.tenant.Arguments...),
		{"LC_CTYPE=C", "LC_ALL=C", "USER=groot", v.mode()},
	} {
		for _, s := range list {
			at, err := v.push(s)
			if err != nil {
				return nil, err
			}
			words = append(words, at)
		}
		words = append(words, 0)
	}
	return words, nil
}

// place puts bytes on the stack as they are and returns their address.
func (v *vm) place(b []byte) (uint64, error) {
	v.m.X[2] -= uint64(len(b))
	return v.m.X[2], v.store(v.m.X[2], b)
}

// settle notes which thread serves requests: the one that asks for them.
func (v *vm) settle() {
	v.threads.Settle()
	v.homeSP = v.m.X[2]
}
