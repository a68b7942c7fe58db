package interp

// Block returns how many instructions follow each other from pc on without a
// branch or an exit between them, the last one, which may be either, included.
// It is 0 where there is no code. Run with that much fuel executes just these.
func (c *Code) Block(pc uint64) int {
	seg := c.find(pc)
	if seg == nil || pc&1 != 0 {
		return 0
	}
	if k := seg.entry[(pc-seg.base)/2]; k >= 0 {
		return int(seg.code[k].run)
	}
	return 1 // between the instructions of the sweep
}
