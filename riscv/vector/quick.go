package vector

// quick executes an operation by a loop of its own, if there is one for it and
// the instruction is plain.
func (s *State) quick(*rule) bool { return false }
