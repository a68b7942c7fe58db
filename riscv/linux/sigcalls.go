package linux

import "encoding/binary"

// sigaction sets and tells what a signal does. There is no restorer: a handler
// returns to the trampoline, as to a kernel's own code.
func (p *Process) sigaction(a *args) (uint64, Errno) {
	sig := a.int(0)
	if sig < 1 || sig > lastSignal || a[3] != 8 {
		return 0, EINVAL
	}
	act := &p.signals.actions[sig]
	old := *act
	w := uint64(p.word)
	if a[1] != 0 {
		if sig == sigKill || sig == sigStop {
			return 0, EINVAL
		}
		b, e := p.load(a[1], 2*w+8)
		if e != 0 {
			return 0, e
		}
		*act = action{p.wordOf(b), p.wordOf(b[w:]), binary.LittleEndian.Uint64(b[2*w:])}
	}
	if a[2] == 0 {
		return 0, 0
	}
	l := layoutOf{p: p}
	l.word(old.handler)
	l.word(old.flags)
	l.u64(old.mask)
	return 0, p.store(a[2], l.b)
}

// sigprocmask blocks and unblocks signals. What waited and is unblocked is
// delivered after the call.
func (p *Process) sigprocmask(a *args) (uint64, Errno) {
	const block, unblock, set = 0, 1, 2
	if a[3] != 8 {
		return 0, EINVAL
	}
	old := p.signals.mask
	if a[1] != 0 {
		b, e := p.load(a[1], 8)
		if e != 0 {
			return 0, e
		}
		given := binary.LittleEndian.Uint64(b)
		switch a.int(0) {
		case block:
			given |= old
		case unblock:
			given = old &^ given
		case set:
		default:
			return 0, EINVAL
		}
		p.signals.mask = given &^ (signalBit(sigKill) | signalBit(sigStop))
	}
	if a[2] == 0 {
		return 0, 0
	}
	l := layoutOf{p: p}
	l.u64(old)
	return 0, p.store(a[2], l.b)
}

// sigpending tells which signals wait.
func (p *Process) sigpending(a *args) (uint64, Errno) {
	l := layoutOf{p: p}
	l.u64(p.signals.pending)
	return 0, p.store(a[0], l.b)
}

// sigsuspend would wait for a signal from outside, and there is nobody outside.
func (p *Process) sigsuspend(*args) (uint64, Errno) {
	return p.hang("sigsuspend waits for a signal, and nobody sends one")
}

// flags are the ss_flags that sigaltstack reports.
func (a *altStack) flags(sp uint64) uint64 {
	switch {
	case a.size == 0:
		return altDisable
	case a.holds(sp):
		return altOnStack
	}
	return 0
}

// sigaltstack sets and tells the stack for handlers that ask for one, above all
// those of a stack that is full. It cannot be changed from upon it.
func (p *Process) sigaltstack(a *args) (uint64, Errno) {
	alt := &p.signals.alt
	old := *alt
	w := uint64(p.word)
	sp := p.Machine.X[2]
	if a[0] != 0 {
		b, e := p.load(a[0], 3*w)
		if e != 0 {
			return 0, e
		}
		base, flags, size := p.wordOf(b), binary.LittleEndian.Uint32(b[w:]), p.wordOf(b[2*w:])
		switch {
		case alt.size > 0 && alt.holds(sp):
			return 0, EPERM
		case flags&altDisable != 0:
			*alt = altStack{}
		case flags&^altOnStack != 0:
			return 0, EINVAL
		case size < minAltSize:
			return 0, ENOMEM
		default:
			*alt = altStack{base, size}
		}
	}
	if a[1] == 0 {
		return 0, 0
	}
	l := layoutOf{p: p}
	l.word(old.base)
	l.word(old.flags(sp))
	l.word(old.size)
	return 0, p.store(a[1], l.b)
}

// own says whether a pid or a group, or all processes, means this one.
func own(pid int) bool { return pid == processID || pid == 0 || pid == -1 || pid == -processID }

// kill sends a signal to this process, or to the group and to all, which are
// this process too.
func (p *Process) kill(a *args) (uint64, Errno) {
	if !own(a.int(0)) {
		return 0, ESRCH
	}
	return p.send(a.int(1), codeUser)
}

// tkill is an old form of tgkill.
func (p *Process) tkill(a *args) (uint64, Errno) {
	if a.int(0) != processID {
		return 0, ESRCH
	}
	return p.send(a.int(1), codeThread)
}

// tgkill sends a signal to a thread of a process: to the only one. This is what
// raise and abort do.
func (p *Process) tgkill(a *args) (uint64, Errno) {
	if a.int(0) != processID || a.int(1) != processID {
		return 0, ESRCH
	}
	return p.send(a.int(2), codeThread)
}

// send raises a signal; 0 only asks whether one could be sent.
func (p *Process) send(sig, code int) (uint64, Errno) {
	switch {
	case sig < 0 || sig > lastSignal:
		return 0, EINVAL
	case sig > 0:
		p.raise(sig, info{code: code, addr: processID | userID<<32})
	}
	return 0, 0
}

// signalName is the name of a signal, with SIG before it.
func signalName(sig int) string {
	names := [...]string{"", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
		"ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
		"WINCH", "IO", "PWR", "SYS"}
	if sig > 0 && sig < len(names) {
		return "SIG" + names[sig]
	}
	return "signal " + decimal(uint64(sig))
}
