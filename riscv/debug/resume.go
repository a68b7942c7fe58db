package debug

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"fishplate/riscv"
)

// Signals, as gdb numbers them. Up to 15 that is mostly as Linux does.
const (
	sigInt  = 2
	sigIll  = 4
	sigTrap = 5
	sigKill = 9
	sigBus  = 10
	sigSegv = 11
	sigXcpu = 24
)

// gdbSignal translates a signal of Linux.
func gdbSignal(n int) byte {
	switch n {
	case 7: // SIGBUS
		return sigBus
	case 10: // SIGUSR1
		return 30
	case 12: // SIGUSR2
		return 31
	case 17: // SIGCHLD
		return 20
	case 31: // SIGSYS
		return 12
	}
	return byte(n)
}

// stop is why the program stands.
type stop struct {
	signal byte
	detail string // "name:value;" of the stop reply
	exited bool   // it ended by itself with code
	code   int
	killed bool // it ended by signal

	// To go on with signal means to let the surroundings handle this exit; the
	// program's own signal handler may answer it.
	pending *riscv.Exit
	dying   bool // the signal has ended the program already, at a call
}

// answer is the stop reply packet. It brings pc and sp along, which gdb asks for
// anyway.
func (s *server) answer(t stop) []byte {
	switch {
	case t.exited:
		return fmt.Appendf(nil, "W%02x", uint8(t.code))
	case t.killed:
		return fmt.Appendf(nil, "X%02x", t.signal)
	}
	b := fmt.Appendf(nil, "T%02xthread:1;%s%02x:", t.signal, t.detail, numPC)
	b = s.registers.appendHex(b, numPC)
	b = fmt.Appendf(b, ";%02x:", sp)
	return append(s.registers.appendHex(b, sp), ';')
}

// watch is a range of memory that is guarded. gdb itself compares values after a
// stop of kind 2 and goes on when nothing changed.
type watch struct {
	kind      byte // '2' writes, '3' reads, '4' both
	low, high uint64
	value     []byte // of kind 2, to notice what is not seen in the instruction
}

// maxWatches and maxBreaks bound what one debugger may set, maxWatched the bytes
// of one watchpoint. Every instruction is compared with every watchpoint, so
// there are few.
const (
	maxWatches = 64
	maxBreaks  = 4096
	maxWatched = 4096
)

// point serves Z and z: kind,address,length.
func (s *server) point(set bool, text string) []byte {
	kind, rest, _ := strings.Cut(text, ",")
	rest, _, _ = strings.Cut(rest, ";")
	var addr, n uint64
	if len(kind) != 1 || !numbers(rest, &addr, &n) {
		return replyWrong
	}
	s.spans = nil
	switch kind[0] {
	case '0', '1':
		name := "swbreak"
		if kind[0] == '1' {
			name = "hwbreak"
		}
		if !set {
			delete(s.breaks, addr)
		} else if len(s.breaks) == maxBreaks {
			return replyWrong
		} else {
			s.breaks[addr] = name
		}
		return replyOK
	case '2', '3', '4':
		return s.guard(set, watch{kind: kind[0], low: addr, high: addr + n})
	}
	return replyNone
}

// guard sets or takes away a watchpoint. Setting it twice is the same as once.
func (s *server) guard(set bool, w watch) []byte {
	for i, old := range s.watches {
		if old.kind == w.kind && old.low == w.low && old.high == w.high {
			s.watches = append(s.watches[:i], s.watches[i+1:]...)
			break
		}
	}
	if !set {
		return replyOK
	}
	b, err := s.guest.Machine.Mem.View(w.low, w.high-w.low)
	if err != nil || len(b) > maxWatched || len(s.watches) == maxWatches {
		return replyWrong
	}
	w.value = bytes.Clone(b)
	s.watches = append(s.watches, w)
	return replyOK
}

// order says how far to go.
type order struct {
	step      bool
	low, high uint64 // with step: go on while pc is in this range
}

// resume serves vCont. There is one thread, so the first action counts.
func (s *server) resume(text string) []byte {
	action, _, _ := strings.Cut(text, ";")
	action, _, _ = strings.Cut(action, ":")
	if action == "" {
		return replyWrong
	}
	switch rest := action[1:]; action[0] {
	case 'c', 's':
		return s.answer(s.run(order{step: action[0] == 's'}))
	case 'C', 'S':
		return s.withSignal(rest, order{step: action[0] == 'S'})
	case 'r':
		var o order
		if !numbers(rest, &o.low, &o.high) {
			return replyWrong
		}
		o.step = true
		return s.answer(s.run(o))
	}
	return replyWrong
}

// oldResume serves c, s, C and S, of debuggers that do not know vCont.
func (s *server) oldResume(verb byte, text string) []byte {
	o := order{step: verb == 's' || verb == 'S'}
	if verb == 'C' || verb == 'S' {
		signal, at, moved := strings.Cut(text, ";")
		if moved && !s.moveTo(at) {
			return replyWrong
		}
		return s.withSignal(signal, o)
	}
	if text != "" && !s.moveTo(text) {
		return replyWrong
	}
	return s.answer(s.run(o))
}

// moveTo sets pc to a hexadecimal address.
func (s *server) moveTo(text string) bool {
	var pc uint64
	if !numbers(text, &pc) {
		return false
	}
	s.guest.Machine.PC = pc
	return true
}

// withSignal goes on with a signal. That of the program's own fault is given to
// it; others, for instance that of a used-up budget, are only news for the
// debugger.
func (s *server) withSignal(text string, o order) []byte {
	n, err := strconv.ParseUint(text, 16, 8)
	if err != nil {
		return replyWrong
	}
	if e := s.last.pending; n != 0 && e != nil && !s.over {
		if s.trapped = 0; s.guest.Handle(*e) {
			return s.answer(s.finish(s.end()))
		}
	}
	return s.answer(s.run(o))
}

// pollEvery is how many instructions run between two looks at the debugger. It
// bounds how long Ctrl-C waits: with a watchpoint, where every instruction is
// looked at, some ten milliseconds.
const pollEvery = 1 << 18

// run executes until there is something to tell.
func (s *server) run(o order) stop {
	if s.over {
		return s.last
	}
	if s.last.dying {
		return s.finish(s.end())
	}
	m := s.guest.Machine
	if s.trapped != 0 && s.trapped == m.PC {
		m.SkipCall() // past the ebreak, or the program would stand there for ever
	}
	s.trapped = 0
	return s.finish(s.advance(o))
}

// finish keeps the answer. A debugger that does not restart programs has
// nothing more to do when this one is over.
func (s *server) finish(t stop) stop {
	s.last = t
	if s.over = t.exited || t.killed; s.over && !s.extended {
		s.gone = true
	}
	return t
}

// end says how the program ended.
func (s *server) end() stop {
	status := s.guest.Status()
	switch {
	case status.Signal != 0:
		return stop{killed: true, signal: gdbSignal(status.Signal)}
	case status.Exited:
		return stop{exited: true, code: status.Code}
	case status.Exit.Kind == riscv.Faulted:
		return stop{killed: true, signal: signalOf(status.Exit.Fault.Kind)}
	}
	return stop{killed: true, signal: sigIll}
}

// advance is the loop of run. A breakpoint at the very first instruction does
// not count: the program stands there already.
func (s *server) advance(o order) stop {
	m := s.guest.Machine
	looked := m.Instret
	for first := true; ; first = false {
		if kind := s.breaks[m.PC]; !first && kind != "" {
			return stop{signal: sigTrap, detail: kind + ":;"}
		}
		if m.Instret-looked >= pollEvery {
			if looked = m.Instret; s.poll() {
				return stop{signal: sigInt}
			}
		}
		if s.limit != 0 && m.Instret >= s.limit {
			s.note("the budget of %d instructions is used up", s.limit)
			return stop{signal: sigXcpu}
		}
		hit, guarded := s.foresee()
		t, stopped := s.exit(m.Run(s.fuel(o)))
		// What was changed is noted even when another reason to stop comes first, or
		// it would be reported a second time.
		unseen, changed := s.compare()
		switch {
		case stopped:
			return t
		case guarded:
			return stop{signal: sigTrap, detail: hit}
		case changed:
			return stop{signal: sigTrap, detail: unseen}
		}
		if o.step && (m.PC < o.low || m.PC >= o.high) {
			return stop{signal: sigTrap}
		}
	}
}

// exit deals with what the machine returned; true says that the program stands.
func (s *server) exit(e riscv.Exit) (stop, bool) {
	switch {
	case e.Kind == riscv.Budget:
		return stop{}, false
	case s.guest.Routine(e):
		if !s.guest.Handle(e) {
			return stop{}, false
		}
		t := s.end()
		if t.killed {
			// It raised a signal that ends it, as abort does. That it can still be
			// looked at is what a debugger is for.
			return stop{signal: t.signal, dying: true}, true
		}
		return t, true
	case e.Kind == riscv.Faulted:
		s.note("%v", e.Fault)
		return stop{signal: signalOf(e.Fault.Kind), pending: &e}, true
	case e.Kind == riscv.Break || s.guest.Breakpoint != nil && s.guest.Breakpoint(e):
		s.trapped = s.guest.Machine.PC
		return stop{signal: sigTrap, pending: &e}, true
	}
	return stop{signal: sigIll, pending: &e}, true
}

// signalOf is the signal that Linux sends for a fault.
func signalOf(k riscv.FaultKind) byte {
	switch k {
	case riscv.Illegal:
		return sigIll
	case riscv.AtomicMisaligned, riscv.FetchMisaligned:
		return sigBus
	}
	return sigSegv
}

// fuel is how many instructions may run before the next look at breakpoints.
func (s *server) fuel(o order) uint64 {
	m := s.guest.Machine
	n := uint64(pollEvery)
	switch {
	case o.step || len(s.watches) > 0:
		n = 1
	case len(s.breaks) > 0:
		n = s.span(m.PC)
	}
	if s.limit != 0 {
		n = min(n, s.limit-m.Instret)
	}
	return n
}

// spanSlot remembers a span; slots are found by the address. Setting or taking
// away a breakpoint forgets all of them.
type spanSlot struct{ pc, n uint64 }

const spanSlots = 1 << 12

// span returns how many instructions from pc on can neither branch nor come to
// a breakpoint, save for the last.
func (s *server) span(pc uint64) uint64 {
	if s.spans == nil {
		s.spans = make([]spanSlot, spanSlots)
	}
	slot := &s.spans[pc>>1%spanSlots]
	if slot.pc == pc && slot.n > 0 {
		return slot.n
	}
	program := s.guest.Machine.Program()
	total, at := program.Block(pc), pc
	n := 0
	for n < total && (n == 0 || s.breaks[at] == "") {
		in, ok := program.Decode(at)
		if !ok {
			break
		}
		at += uint64(in.Len)
		n++
	}
	*slot = spanSlot{pc, uint64(max(n, 1))}
	return slot.n
}

// foresee says whether the next instruction touches what is guarded, and how
// the stop reply names that.
func (s *server) foresee() (detail string, hit bool) {
	if len(s.watches) == 0 {
		return "", false
	}
	m := s.guest.Machine
	in, ok := m.Program().Decode(m.PC)
	if !ok {
		return "", false
	}
	a := accessOf(in)
	if a.size == 0 {
		return "", false
	}
	low := m.X[a.base] + uint64(a.offset)
	if s.registers.xlen == 32 {
		low = uint64(uint32(low))
	}
	for _, w := range s.watches {
		if low >= w.high || w.low >= low+uint64(a.size) {
			continue
		}
		at := max(low, w.low)
		switch {
		case w.kind == '2' && a.write:
			return fmt.Sprintf("watch:%x;", at), true
		case w.kind == '3' && a.read:
			return fmt.Sprintf("rwatch:%x;", at), true
		case w.kind == '4':
			return fmt.Sprintf("awatch:%x;", at), true
		}
	}
	return "", false
}

// compare finds a change that no instruction announced: of a system call, or of
// a vector store. It notes the present contents.
func (s *server) compare() (detail string, changed bool) {
	for i := range s.watches {
		w := &s.watches[i]
		b, err := s.guest.Machine.Mem.View(w.low, w.high-w.low)
		if err != nil || w.kind == '3' || bytes.Equal(b, w.value) {
			continue
		}
		copy(w.value, b)
		detail, changed = fmt.Sprintf("watch:%x;", w.low), true
		if w.kind == '4' {
			detail = "a" + detail
		}
	}
	return detail, changed
}
