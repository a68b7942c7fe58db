package tenant

import (
	"encoding/binary"
	"math/bits"
)

// Signals come from the program itself: nobody outside sends any.

const (
	signalCost = 500 // instructions of the way into a handler, and out of it

	lastSignal = 64
	sigKill    = 9
	sigStop    = 19

	handlerDefault = 0
	handlerIgnore  = 1

	saOnStack   = 0x08000000
	saNoDefer   = 0x40000000
	saResetHand = 0x80000000
	altOnStack  = 1
	altDisable  = 2
)

// harmless are the signals that do nothing by default: CHLD, CONT, URG, WINCH.
const harmless = 1<<17 | 1<<18 | 1<<23 | 1<<28

// sigaction is what a program wants done about a signal.
type sigaction struct{ handler, flags, mask uint64 }

// sigactions are those of a program. They are shared with the image until a
// fork changes one, and then copied.
type sigactions [lastSignal + 1]sigaction

func signalCalls() []Call {
	return []Call{
		{129, "KILL", "a0 process, a1 signal", "a0 = 0", "-22: no signal; without a handler the call ends", "", "As TGKILL, to the thread that calls.", linuxKill},
		{130, "TKILL", "a0 thread, a1 signal", "a0 = 0; unchanged for signal 0 and without a handler", "-3: no such thread", "", "Runs the handler in that thread.", linuxTkill},
		{131, "TGKILL", "a0 group, a1 thread, a2 signal", "a0 = 0", "-3: no such thread; without a handler the call ends", "", "The same. How abort() ends.", linuxTgkill},
		{132, "SIGALTSTACK", "a0 new or 0, a1 old or 0", "a0 = 0", "", "", "The stack for handlers that ask for one.", linuxSigaltstack},
		{134, "RT_SIGACTION", "a0 signal, a1 new or 0, a2 old or 0: handler, flags, mask", "a0 = 0; unchanged for signal 0", "-22: no signal", "500 when one is set", "Handlers get the signal, siginfo and ucontext.", linuxSigaction},
		{135, "RT_SIGPROCMASK", "a0 how, a1 new or 0, a2 old or 0", "a0 = 0", "-22: another how", "", "Of the thread.", linuxSigprocmask},
		{139, "RT_SIGRETURN", "", "", "a frame that is not there ends the call", "500", "Goes back to where a handler came in. Handlers that return do that too.", linuxSigreturn},
	}
}

// Sizes of a signal frame: siginfo, then the ucontext: flags, link, the
// alternate stack, the mask in 128 bytes, aligned to 16, pc and x1 to x31, and
// the floating-point state with room for the quad one.
const (
	infoRoom  = 128
	maskRoom  = 128
	floatRoom = 528
)

// frameOffsets are, from the ucontext on: mask, registers, floating-point
// state, end.
func (v *vm) frameOffsets() (mask, regs, floats, size uint64) {
	w := v.word()
	mask = 5 * w
	regs = (mask + maskRoom + 15) &^ 15
	floats = regs + 32*w
	return mask, regs, floats, floats + floatRoom
}

// handlerReturn is where handlers return to: an address without code, at which
// the machine leaves.
func (v *vm) handlerReturn() uint64 { return v.stackTop + 16 }

func signalBit(n int) uint64 { return 1 << (n - 1) }

func (v *vm) action(sig int) sigaction {
	if v.actions == nil {
		return sigaction{}
	}
	return v.actions[sig]
}

func (v *vm) setAction(sig int, a sigaction) {
	v.m.Charge(signalCost)
	own := new(sigactions)
	if v.actions != nil {
		*own = *v.actions
	}
	own[sig] = a
	v.actions = own
}

// deliver enters the handler of a signal that waits for the thread that runs
// and is not blocked. Further ones wait for a later turn.
func (v *vm) deliver() error {
	if !v.signals {
		return nil
	}
	th := v.threads.Self()
	for {
		due := th.Pending &^ th.Mask
		if due == 0 {
			return nil
		}
		sig := bits.TrailingZeros64(due) + 1
		th.Pending &^= signalBit(sig)
		switch a := v.action(sig); {
		case a.handler == handlerIgnore, a.handler == handlerDefault && harmless&(1<<sig) != 0:
		case a.handler == handlerDefault:
			return ended(uint64(sig))
		default:
			return v.handle(th, sig, a)
		}
	}
}

func ended(sig uint64) error { return trapf("the program ended itself by signal %d", sig) }

// handle saves the registers on a stack and stands at the handler.
func (v *vm) handle(th *threadEntry, sig int, a sigaction) error {
	sp := v.m.X[2]
	if a.flags&saOnStack != 0 && th.AltSize > 0 && !onAltStack(th, sp) {
		sp = th.AltBase + th.AltSize
	}
	v.m.Charge(signalCost)
	mask, regs, floats, size := v.frameOffsets()
	at := (sp - infoRoom - size) &^ 15
	b, err := v.window(at, infoRoom+size)
	if err != nil {
		return err
	}
	clear(b)
	const fromThread = -6
	binary.LittleEndian.PutUint32(b, uint32(sig))
	binary.LittleEndian.PutUint32(b[8:], uint32(0xFFFFFFFF&(1<<32+fromThread)))
	context := b[infoRoom:]
	w := v.word()
	v.putWord(context[2*w:], th.AltBase)
	v.putWord(context[3*w:], altFlags(th, v.m.X[2]))
	v.putWord(context[4*w:], th.AltSize)
	binary.LittleEndian.PutUint64(context[mask:], th.Mask)
	v.putWord(context[regs:], v.m.PC)
	for i := uint64(1); i < 32; i++ {
		v.putWord(context[regs+i*w:], v.m.X[i])
	}
	for i, f := range v.m.F {
		binary.LittleEndian.PutUint64(context[floats+8*uint64(i):], f)
	}
	binary.LittleEndian.PutUint32(context[floats+256:], v.m.FCSR())
	th.Mask |= a.mask
	if a.flags&saNoDefer == 0 {
		th.Mask |= signalBit(sig)
	}
	if a.flags&saResetHand != 0 {
		v.setAction(sig, sigaction{})
	}
	v.m.X[1], v.m.X[2] = v.handlerReturn(), at
	v.m.X[10], v.m.X[11], v.m.X[12] = uint64(sig), at, at+infoRoom
	v.m.PC = a.handler
	return nil
}

func linuxSigreturn(v *vm, _ *pacer) error {
	v.m.SkipCall()
	return v.sigreturn()
}

// sigreturn takes the registers back from the frame that sp points to. It is
// charged because such a frame may lead back here without an instruction.
func (v *vm) sigreturn() error {
	v.m.Charge(signalCost)
	mask, regs, floats, size := v.frameOffsets()
	b, err := v.buffer(v.m.X[2], infoRoom+size)
	if err != nil {
		return err
	}
	context, w := b[infoRoom:], v.word()
	v.threads.Self().Mask = unblockable(binary.LittleEndian.Uint64(context[mask:]))
	v.m.PC = v.getWord(context[regs:])
	for i := uint64(1); i < 32; i++ {
		v.m.X[i] = v.getWord(context[regs+i*w:])
	}
	for i := range v.m.F {
		v.m.F[i] = binary.LittleEndian.Uint64(context[floats+8*uint64(i):])
	}
	v.m.SetFCSR(binary.LittleEndian.Uint32(context[floats+256:]))
	v.m.Unreserve()
	return v.deliver()
}

func unblockable(mask uint64) uint64 { return mask &^ (signalBit(sigKill) | signalBit(sigStop)) }

func linuxKill(v *vm, _ *pacer) error { return v.kill(v.threads.Self(), v.arg(1)) }

func linuxTkill(v *vm, _ *pacer) error {
	sig := v.arg(1)
	if sig == 0 || sig <= lastSignal && v.action(int(sig)).handler == handlerDefault {
		return nil
	}
	return v.kill(v.threads.Find(int32(v.arg(0))), sig)
}

func linuxTgkill(v *vm, _ *pacer) error {
	return v.kill(v.threads.Find(int32(v.arg(1))), v.arg(2))
}

// kill sends a signal to a thread; 0 only asks whether it is there.
func (v *vm) kill(th *threadEntry, sig uint64) error {
	switch {
	case th == nil:
		v.errno(eNoProcess)
		return nil
	case sig > lastSignal:
		v.errno(eInval)
		return nil
	}
	v.result(0)
	if sig == 0 {
		return nil
	}
	a := v.action(int(sig))
	switch {
	case sig == sigKill, a.handler == handlerDefault && harmless&(1<<sig) == 0:
		return ended(sig)
	case a.handler <= handlerIgnore:
		return nil
	}
	v.signals = true
	th.Pending |= signalBit(int(sig))
	if th.ID != v.threads.ID() {
		if th.Pending&^th.Mask != 0 {
			v.threads.Interrupt(th, negative(eIntr))
		}
		return nil
	}
	v.m.SkipCall()
	return v.deliver()
}

func linuxSigaction(v *vm, _ *pacer) error {
	sig, w := v.arg(0), v.word()
	if sig == 0 {
		return nil
	}
	if sig > lastSignal {
		v.errno(eInval)
		return nil
	}
	old := v.action(int(sig))
	if at := v.arg(1); at != 0 {
		b, err := v.buffer(at, 3*w)
		if err != nil {
			return err
		}
		v.setAction(int(sig), sigaction{v.getWord(b), uint64(uint32(v.getWord(b[w:]))), v.getWord(b[2*w:])})
	}
	if at := v.arg(2); at != 0 {
		b, err := v.window(at, 3*w)
		if err != nil {
			return err
		}
		v.putWord(b, old.handler)
		v.putWord(b[w:], old.flags)
		v.putWord(b[2*w:], old.mask)
	}
	v.result(0)
	return nil
}

func linuxSigprocmask(v *vm, _ *pacer) error {
	const block, unblock, set = 0, 1, 2
	old := uint64(0)
	if v.arg(1) == 0 && v.arg(2) == 0 {
		v.result(0)
		return nil
	}
	th := v.threads.Self()
	old = th.Mask
	if at := v.arg(1); at != 0 {
		given, err := v.load64(at)
		if err != nil {
			return err
		}
		switch v.arg(0) {
		case block:
			given |= old
		case unblock:
			given = old &^ given
		case set:
		default:
			v.errno(eInval)
			return nil
		}
		th.Mask = unblockable(given)
	}
	if at := v.arg(2); at != 0 {
		if err := v.store64(at, old); err != nil {
			return err
		}
	}
	v.result(0)
	if !v.signals {
		return nil
	}
	v.m.SkipCall()
	return v.deliver()
}

func onAltStack(th *threadEntry, sp uint64) bool {
	return sp > th.AltBase && sp-th.AltBase <= th.AltSize
}

func altFlags(th *threadEntry, sp uint64) uint64 {
	switch {
	case th.AltSize == 0:
		return altDisable
	case onAltStack(th, sp):
		return altOnStack
	}
	return 0
}

func linuxSigaltstack(v *vm, _ *pacer) error {
	th, w := v.threads.Self(), v.word()
	old, flags := *th, altFlags(th, v.m.X[2])
	if at := v.arg(0); at != 0 {
		b, err := v.buffer(at, 3*w)
		if err != nil {
			return err
		}
		th.AltBase, th.AltSize = v.getWord(b), v.getWord(b[2*w:])
		if binary.LittleEndian.Uint32(b[w:])&altDisable != 0 {
			th.AltBase, th.AltSize = 0, 0
		}
	}
	if at := v.arg(1); at != 0 {
		b, err := v.window(at, 3*w)
		if err != nil {
			return err
		}
		v.putWord(b, old.AltBase)
		v.putWord(b[w:], flags)
		v.putWord(b[2*w:], old.AltSize)
	}
	v.result(0)
	return nil
}
