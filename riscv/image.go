package riscv

import (
	"sync"

	"fishplate/riscv/interp"
	"fishplate/riscv/jit"
	"fishplate/riscv/memory"
)

// Backing is a file in memory that many images share, so that they cost no
// descriptors; see riscv/memory. Give it to Options.
type Backing = memory.Backing

// NewBacking makes a Backing. Close it when no more images will be made.
func NewBacking() (*Backing, error) { return memory.NewBacking() }

// Image is a frozen machine. Its methods may be called concurrently.
//
// Forks that are closed wait in a pool per processor for the next Fork, and so
// does the host memory that they ran in: a Fork that finds both copies the
// registers and nothing else. The collector empties the pools; Keep bounds what
// waits in them.
type Image struct {
	program   *Program
	native    *jit.Cache
	mem       *memory.Image
	registers interp.Registers
	free      sync.Pool // of *Machine, closed
}

// Freeze copies memory and registers into an Image. The machine stays as it is.
func (m *Machine) Freeze() (*Image, error) {
	mem, err := m.Mem.Freeze()
	if err != nil {
		return nil, err
	}
	return &Image{program: m.program, native: m.native, mem: mem, registers: m.Save()}, nil
}

// Fork makes a machine that continues where the image was frozen. It fails when
// the image is closed or the host cannot map more memory.
func (im *Image) Fork() (*Machine, error) {
	m, _ := im.free.Get().(*Machine)
	if m == nil {
		m = &Machine{Mem: new(memory.Memory), program: im.program, native: im.native, image: im}
	}
	if err := im.mem.Attach(m.Mem); err != nil {
		return nil, err
	}
	m.Restore(&im.registers)
	return m, nil
}

// Pages returns how many pages exist in the image.
func (im *Image) Pages() int { return im.mem.Pages() }

// Program returns what the image runs.
func (im *Image) Program() *Program { return im.program }

// Keep sets how much host memory waits for forks: a fork that is closed leaves
// its arena to the next one unless the image has more than this many, those in
// use included. Idle ones beyond are given back at once. It is 64 at first.
func (im *Image) Keep(arenas int) { im.mem.Keep(arenas) }

// ImageStats is what an image and its forks cost the host, in pages and bytes.
type ImageStats = memory.ImageStats

// Stats reports what the image and its forks cost the host.
func (im *Image) Stats() ImageStats { return im.mem.Stats() }

// Close gives the image up: Fork fails from now on. Forks go on, parked ones
// too; the memory is freed when the last of them is closed. Closing it again
// does nothing.
func (im *Image) Close() { im.mem.Close() }

// Reset returns a fork to its image: memory, registers, CSRs, reservation and
// counter. Only pages that were written are touched. On a machine that is not a
// fork it does nothing. Time is kept.
func (m *Machine) Reset() {
	if m.image == nil {
		return
	}
	m.Mem.Reset()
	m.Restore(&m.image.registers)
}

// Park makes a fork that will not run for a while cost little: it keeps what
// differs from the image and lends its host memory to other forks. The next Run
// or use of Mem takes some again; Mem.Wake does so at once and says whether the
// host could. A Run for which it cannot ends with FetchAccess at PC before
// anything happened. Machines that are no forks stay as they are.
func (m *Machine) Park() { m.Mem.Park() }

// MemoryStats is what a machine's memory costs the host, in pages and bytes.
type MemoryStats = memory.Stats

// MemoryStats reports what the machine's memory costs the host beside its image.
// It does not wake a parked fork.
func (m *Machine) MemoryStats() MemoryStats { return m.Mem.Stats() }

// Close gives the memory back and forgets Time. The machine must not be used
// afterwards: if it is a fork, the next Fork may return it to somebody else.
// Until then closing it again does nothing.
func (m *Machine) Close() {
	if m.Mem.Closed() {
		return
	}
	m.Mem.Close()
	m.Time = nil
	if m.image != nil {
		m.image.free.Put(m)
	}
}
