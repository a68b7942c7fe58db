//go:build !linux || !(amd64 || arm64)

package jit

import (
	"unsafe"

	"fishplate/riscv/isa"
)

// Twins of what generated code needs, for where there is none: New fails, and
// nothing else is reached.

const control = 0

type emitter struct{ a struct{ Out []byte } }

func newEmitter(*Cache) *emitter { return new(emitter) }

func (*emitter) landing() uintptr { return 0 }
func (*emitter) enterAt() int     { return 0 }
func (*emitter) region(*region)   {}

// scratch is what an emitter borrows.
type scratch struct{}

func (*emitter) use(*scratch)      {}
func (*emitter) giveBack() scratch { return scratch{} }

func enter(unsafe.Pointer, uintptr) {}

func flags(uint32) uint8 { return 0 }

func supported() error { return ErrUnsupported }

// Covers says whether an operation has native code.
func Covers(isa.Op) bool { return false }
