package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"fishplate/riscv"
	"fishplate/riscv/layout"
	"fishplate/riscv/tape"
)

// Kinds of entries of the auxiliary vector.
const (
	atNull     = 0
	atPhdr     = 3
	atPhent    = 4
	atPhnum    = 5
	atPagesz   = 6
	atEntry    = 9
	atUID      = 11
	atEUID     = 12
	atGID      = 13
	atEGID     = 14
	atPlatform = 15
	atHwcap    = 16
	atClktck   = 17
	atSecure   = 23
	atRandom   = 25
	atExecfn   = 31
)

const (
	defaultStack = 8 << 20
	maxStrings   = 128 << 10 // bytes of arguments and environment together
	spaceDefault = 1 << 30
)

// MachineOptions returns the options of a machine for a program that may have
// memory bytes in all: an address space that is large enough for it.
func MachineOptions(memory uint64) riscv.Options {
	space := uint64(spaceDefault)
	for space < 2*memory && space < 16<<30 {
		space *= 2
	}
	return riscv.Options{MemoryLimit: memory, AddressSpace: space}
}

// Load is riscv.LoadProgram for a Linux program: instructions to which other
// embedders give a meaning are illegal, and so raise SIGILL.
func Load(file []byte) (*riscv.Program, error) {
	const stop, waitForInterrupt, custom = 0x7ff, 0x105, 0x5b
	return riscv.LoadProgramWith(file, riscv.LoadOptions{Hooks: &riscv.Hooks{
		System: map[uint16]riscv.Action{stop: riscv.Refuse, waitForInterrupt: riscv.Refuse},
		Custom: map[uint8]riscv.Action{custom: riscv.Refuse},
	}})
}

// New turns a fresh machine into a process: its stack holds the arguments, sp
// and PC are set, and everything that the program did not bring is unmapped.
func New(m *riscv.Machine, c Config) (*Process, error) {
	if len(c.Args) == 0 {
		c.Args = []string{"program"}
	}
	p := &Process{Machine: m, config: c, word: m.Program().XLEN() / 8}
	p.openStreams(c)
	p.clock.start(c.Clock)
	p.random.start(c.Seed)
	m.Time = p.ticks
	if err := p.layout(c.StackSize); err != nil {
		return nil, fmt.Errorf("make process: %w", err)
	}
	p.startLimits()
	if err := p.openTape(c); err != nil {
		return nil, fmt.Errorf("make process: %w", err)
	}
	before := m.Instret
	if err := p.pushArguments(); err != nil {
		return nil, fmt.Errorf("make process: %w", err)
	}
	m.Instret = before // the beginning is not the program's work
	return p, nil
}

// layout places heap and stack and takes away what lies between.
func (p *Process) layout(stack uint64) error {
	m := p.Machine
	if stack == 0 {
		stack = min(defaultStack, uint64(m.Mem.Limit())*riscv.PageSize/8)
	}
	s := &p.space
	s.Heap = m.Program().HeapStart
	s.Brk = s.Heap
	// Generated code checks addresses within 8 KiB of either end of the space the
	// long way, so the stack keeps away from there.
	s.StackTop = m.Mem.Size()
	if p.word == 4 {
		s.StackTop = min(s.StackTop, 1<<32)
	}
	s.StackTop -= 16 * riscv.PageSize
	stack = max(layout.PageUp(stack), 4*riscv.PageSize)
	if stack > s.StackTop || s.StackTop-stack < s.Heap+layout.Guard {
		return errors.New("address space is too small for the program and its stack")
	}
	s.Stack = s.StackTop - stack
	if err := m.Mem.Map(s.Heap, s.Stack-s.Heap, 0); err != nil {
		return err
	}
	return m.Mem.Map(s.StackTop, m.Mem.Size()-s.StackTop, 0)
}

// InStackGuard says whether an address is one that a stack grown too far meets.
func (p *Process) InStackGuard(addr uint64) bool {
	return addr < p.space.Stack && addr >= p.space.Stack-layout.Guard
}

// builder fills the stack from above.
type builder struct {
	p   *Process
	sp  uint64
	err error
}

// bytes puts data on the stack and returns its address.
func (b *builder) bytes(data []byte) uint64 {
	b.sp -= uint64(len(data))
	if b.err == nil {
		b.err = b.p.Machine.Mem.Write(b.sp, data)
	}
	return b.sp
}

// text puts a string with its NUL on the stack.
func (b *builder) text(s string) uint64 { return b.bytes(append([]byte(s), 0)) }

// pushArguments writes what the psABI wants at the entry: argc, argv, envp, the
// auxiliary vector, and above them what they point to.
func (p *Process) pushArguments() error {
	program := p.Machine.Program()
	total := 0
	for _, s := range slices.Concat(p.config.Args, p.config.Env) {
		total += len(s) + 1
	}
	if total > maxStrings {
		return errors.New("arguments and environment exceed 128 KiB")
	}
	b := &builder{p: p, sp: p.space.StackTop}
	name := b.text(p.config.Args[0])
	platform := b.text(fmt.Sprintf("riscv%d", 8*p.word))
	random := b.bytes(make([]byte, 16))
	if b.err == nil {
		b.err = p.storeSeed(random)
	}
	phdr := program.Phdr
	if phdr == 0 {
		b.sp &^= 15
		phdr = b.bytes(program.Phdrs)
	}
	words := []uint64{uint64(len(p.config.Args))}
	for _, list := range [][]string{p.config.Args, p.config.Env} {
		for _, s := range list {
			words = append(words, b.text(s))
		}
		words = append(words, 0)
	}
	words = append(words, atPhdr, phdr, atPhent, uint64(program.PhEnt), atPhnum, uint64(program.PhNum),
		atPagesz, riscv.PageSize, atEntry, program.Entry, atUID, userID, atEUID, userID, atGID, userID, atEGID, userID,
		atPlatform, platform, atHwcap, p.hwcap(), atClktck, ticksPerSecond, atSecure, 0, atRandom, random, atExecfn, name, atNull, 0)
	var vector []byte
	for _, w := range words {
		vector = p.appendWord(vector, w)
	}
	b.sp = (b.sp-uint64(len(vector)))&^15 + uint64(len(vector))
	p.Machine.X[2] = p.extend(b.bytes(vector))
	return b.err
}

// storeSeed writes the 16 random bytes of AT_RANDOM, which belong to a
// recording like everything that is random.
func (p *Process) storeSeed(addr uint64) error {
	if p.tape.Playing() {
		p.play(startEntry)
		return p.tape.Err()
	}
	p.tape.Begin(0)
	var seed [16]byte
	_, _ = p.random.Read(seed[:]) // never fails
	if p.store(addr, seed[:]) != 0 {
		return errors.New("there is no memory for the stack")
	}
	p.tape.End(tape.Entry{Number: startEntry}, 0)
	return p.tape.Err()
}

// appendWord appends a long of the guest.
func (p *Process) appendWord(b []byte, v uint64) []byte {
	if p.word == 4 {
		return binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(b, v)
}

// hwcap tells which single-letter extensions there are: a bit for each.
func (p *Process) hwcap() uint64 {
	bits := uint64(0)
	for _, letter := range "imafdcv" {
		bits |= 1 << (letter - 'a')
	}
	return bits
}
