package see

// Watching returns the machine that we run on as a process may look at it that
// serves: files and processor leaves. Netlink, drivers, registers and tries of
// system calls, which are dear or which a sandbox may take amiss, are not seen.
func Watching() *System {
	s := Machine()
	s.Probe = remember(discreet{machine{}})
	return s
}

// discreet is a probe that asks little.
type discreet struct{ Probe }

func (discreet) MSR(int, uint32) (uint64, error) { return 0, &Error{What: "msr", Class: Hidden} }

func (discreet) Ethtool(name string) (Ethtool, error) {
	return Ethtool{}, &Error{What: "ethtool " + name, Class: Hidden}
}

func (discreet) Network() Network { return Network{} }
func (discreet) Self() Self       { return self() }
