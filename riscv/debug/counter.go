package debug

import "fishplate/riscv"

// Counter counts the instructions of many runs of one program into one
// Recording: of the calls of a server's guest, say. Whoever owns the machines
// runs them by Run instead of by their own, and serves their exits. It belongs
// to one goroutine at a time.
type Counter struct{ r *recorder }

// NewCounter returns a Counter that has counted nothing. lines may be nil; file
// is what the profile calls the program.
func NewCounter(program *riscv.Program, lines *Lines, file string) *Counter {
	return &Counter{newRecorder(program, lines, file)}
}

// Begin makes m the machine that runs, which stands before the first instruction
// of a call: nothing is on its stack that the profile would name.
func (c *Counter) Begin(m *riscv.Machine) {
	c.r.m, c.r.node, c.r.calls = m, 0, c.r.calls[:0]
}

// End forgets the machine.
func (c *Counter) End() { c.r.m = nil }

// Run is Machine.Run, counted.
func (c *Counter) Run(fuel uint64) riscv.Exit {
	for end := c.r.m.Instret + fuel; c.r.m.Instret < end; {
		if e := c.r.runBlock(end - c.r.m.Instret); e.Kind != riscv.Budget {
			return e
		}
	}
	return riscv.Exit{Kind: riscv.Budget}
}

// Recording is what was counted so far. It must not be used while a machine runs.
func (c *Counter) Recording() *Recording { return c.r.Recording }
