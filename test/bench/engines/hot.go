//go:build linux

package main

import (
	"fmt"
	"os"
	"sort"
	"strconv"

	"fishplate/riscv"
	"fishplate/riscv/linux"
)

const (
	hotSteps  = 30_000_000 // how much of the kernel is looked at
	hotBlocks = 12
)

// A block is a run of instructions that were executed equally often.
type block struct {
	begin, end uint64
	times      uint64
	length     uint64 // instructions
}

// printHot counts every instruction of a kernel on the interpreter and prints
// the blocks that most of them lie in.
func printHot(dir, name string, work int) error {
	list, err := selected(name)
	if err != nil {
		return err
	}
	k := list[0]
	b, err := build(dir, list, []*target{plain})
	if err != nil {
		return err
	}
	text, err := os.ReadFile(b.path(k, plain))
	if err != nil {
		return err
	}
	p, err := riscv.LoadProgram(text)
	if err != nil {
		return err
	}
	if work == 0 {
		work = k.work
	}
	counts, err := count(p, work)
	if err != nil {
		return err
	}
	blocks, total := blocksOf(p, counts)
	fmt.Printf("%s %d: the first %d instructions\n", k.name, work, total)
	for _, bl := range blocks[:min(hotBlocks, len(blocks))] {
		function, off := p.Symbol(bl.begin)
		fmt.Printf("\n%5.1f%%  %d times %d instructions, %s+%#x\n",
			100*float64(bl.times*bl.length)/float64(total), bl.times, bl.length, function, off)
		for pc := bl.begin; pc < bl.end; {
			line, size := p.Instruction(pc)
			fmt.Printf("  %8x  %s\n", pc, line)
			pc += uint64(size)
		}
	}
	return nil
}

// count executes a program one instruction at a time, its start-up too, and
// returns how often each address was executed.
func count(p *riscv.Program, work int) (map[uint64]uint64, error) {
	m, err := riscv.NewMachine(p, riscv.Options{MemoryLimit: 256 << 20})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	process, err := linux.New(m, linux.Config{Args: []string{"guest", strconv.Itoa(work)}})
	if err != nil {
		return nil, err
	}
	counts := map[uint64]uint64{}
	for range hotSteps {
		counts[m.PC]++
		switch e := m.Run(1); e.Kind {
		case riscv.Budget:
		case riscv.Call:
			if process.Call() {
				return counts, nil
			}
		default:
			return nil, fmt.Errorf("the guest stopped with %s: %w", e.Kind, e.Fault)
		}
	}
	return counts, nil
}

// blocksOf joins neighbours with equal counts, the busiest block first.
func blocksOf(p *riscv.Program, counts map[uint64]uint64) (list []block, total uint64) {
	pcs := make([]uint64, 0, len(counts))
	for pc, n := range counts {
		pcs = append(pcs, pc)
		total += n
	}
	sort.Slice(pcs, func(i, j int) bool { return pcs[i] < pcs[j] })
	for _, pc := range pcs {
		_, size := p.Instruction(pc)
		next := pc + uint64(max(size, 2))
		if n := len(list); n > 0 && list[n-1].end == pc && alike(list[n-1].times, counts[pc]) {
			list[n-1].end = next
			list[n-1].length++
			continue
		}
		list = append(list, block{begin: pc, end: next, times: counts[pc], length: 1})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].times*list[i].length > list[j].times*list[j].length })
	return list, total
}

// alike forgives the one pass that the last step may have cut short.
func alike(a, b uint64) bool { return max(a, b)-min(a, b) <= 1 }
