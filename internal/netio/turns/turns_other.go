//go:build !linux

package turns

import "runtime"

// Turns are Gosched here.
type Turns struct{}

// New opens nothing.
func New() (*Turns, error) { return &Turns{}, nil }

// Wait lets others run.
func (*Turns) Wait() { runtime.Gosched() }

// Close does nothing.
func (*Turns) Close() {}
