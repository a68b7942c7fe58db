package tenant

import (
	"context"
	"encoding/binary"

	"fishplate/internal/tenant/thread"
	"fishplate/riscv"
)

// The threads of a program share its one hart. A thread runs until it waits,
// yields or ends; only one that keeps the hart for a quantum while others are
// ready is put aside by force, since what it spins for may be theirs to do.

// quantum is for how many instructions a thread keeps the hart.
const quantum = 400_000

type (
	hartContext = riscv.Registers
	threadTable = thread.Table[hartContext]
	threadEntry = thread.Thread[hartContext]
)

// Flags of clone. What a thread has and a process has not must be asked for:
// there are no processes.
const (
	cloneVM          = 0x100
	cloneThread      = 0x10000
	cloneSetTLS      = 0x80000
	cloneParentTID   = 0x100000
	cloneChildClear  = 0x200000
	cloneChildSetTID = 0x1000000
)

func threadCalls() []Call {
	return []Call{
		{93, "EXIT", "a0 status", "", "", "", "Ends the thread; the last one, and in a callback the one that was called, stops.", linuxExit},
		{94, "EXIT_GROUP", "a0 status", "", "in a program that loops ends the call", "", "Stops.", linuxExitGroup},
		{96, "SET_TID_ADDRESS", "a0 word", "a0 = thread", "", "", "The word is cleared, and who waits for it woken, when the thread ends. 0 for the first thread of a program that has not set tp.", linuxSetTID},
		{98, "FUTEX", "a0 word, a1 operation, a2 value, a3 time or count, a4 second word, a5 value", "a0 = 0 or a count", "-11: the word has another value; -110: the time is over; -22: another operation", "", "WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET. When every thread waits, time jumps to the first time-out; without one the call ends. A program that never made a thread does not wait: the word is cleared.", linuxFutex},
		{422, "FUTEX_TIME64", "as FUTEX", "as FUTEX", "as FUTEX", "", "The same with 64-bit times.", linuxFutex64},
		{99, "SET_ROBUST_LIST", "a0 head, a1 size", "a0 = 0", "", "", "Locks on the list are marked when the thread ends.", linuxRobust},
		{124, "SCHED_YIELD", "", "a0 = 0", "", "", "Gives the turn to the next thread that is ready.", linuxYield},
		{178, "GETTID", "", "a0 = thread", "", "", "As SET_TID_ADDRESS.", linuxGetTID},
		{220, "CLONE", "a0 flags, a1 stack, a2 parent's word, a3 tls, a4 child's word", "a0 = thread, 0 in it", "-11: 256 threads; -22: not a thread", "2000", "Makes a thread; there are no processes. Both go on, the old one first.", linuxClone},
		{435, "CLONE3", "a0 arguments, a1 size", "a0 = thread, 0 in it", "-28: size below 88; as CLONE", "2000", "The same.", linuxClone3},
	}
}

// swap puts thread now on the hart and keeps what was there in left, unless it
// is nil. What the thread waited for is its answer.
func (v *vm) swap(left, now *threadEntry) {
	if left != now {
		v.m.Unreserve()
		if left != nil {
			left.Context = v.m.Save()
		}
		at := v.m.Instret
		v.m.Restore(&now.Context)
		v.m.Instret = at
	}
	if now.Answer {
		v.m.X[10], now.Answer = now.Result, false
	}
	v.switched = v.m.Instret
}

// schedule gives the hart to the next thread that is ready. It is called by a
// host call as its last act. gone says that the thread that called has ended.
func (v *vm) schedule(ctx context.Context, gone bool) error {
	v.m.SkipCall() // a thread goes on after its call
	for {
		if v.threads.Timed() {
			_, now, err := v.clocks(ctx)
			if err != nil {
				return err
			}
			v.threads.Expire(now)
		}
		left, now, ok := v.threads.Next()
		if ok {
			if v.nested > 0 && (left != now || gone) {
				return trapf("a function that the host called in the middle of a call may not wait for other threads")
			}
			if gone {
				left = nil
			}
			v.swap(left, now)
			return v.deliver()
		}
		if err := v.leap(ctx); err != nil {
			return err
		}
	}
}

// leap lets time jump to the next time-out, since nothing else can happen.
func (v *vm) leap(ctx context.Context) error {
	at, ok := v.threads.Earliest()
	if !ok {
		return &trap{cause: "guest-deadlock", text: threadsText(v.threads.Len()) + ": nobody is left to wake them"}
	}
	_, now, err := v.clocks(ctx)
	if err != nil {
		return err
	}
	v.advance(at - now)
	v.threads.Expire(at)
	return nil
}

func threadsText(n int) string {
	if n == 1 {
		return "deadlock: the only thread waits without a time-out"
	}
	return "deadlock: all threads wait without a time-out"
}

// preempt ends the turn of a thread that had the hart for a quantum. The loop
// calls it between slices, which instructions measure, not clocks.
func (v *vm) preempt(ctx context.Context) error {
	if v.nested > 0 || v.m.Instret-v.switched < quantum {
		return nil
	}
	if v.threads.Timed() {
		_, now, err := v.clocks(ctx)
		if err != nil {
			return err
		}
		v.threads.Expire(now)
	}
	if !v.threads.Ready() {
		v.switched = v.m.Instret
		return nil
	}
	left, now, _ := v.threads.Next()
	v.swap(left, now)
	return v.deliver()
}

// goHome puts the thread that serves the host's calls on the hart: the one that
// asked for requests. Another may have ended the last call.
func (v *vm) goHome() {
	if left, now, changed := v.threads.Home(); changed {
		v.swap(left, now)
	}
}

// number is what a thread knows itself by.
func (v *vm) number() uint64 {
	if id := v.threads.ID(); id != thread.First || v.numbered {
		return uint64(id)
	}
	return 0
}

func linuxGetTID(v *vm, _ *pacer) error {
	v.result(v.number())
	return nil
}

func linuxSetTID(v *vm, _ *pacer) error {
	if v.m.X[4] != 0 {
		v.numbered = true // a C library, whose locks know owners by number
	}
	v.threads.Self().Clear = v.arg(0)
	v.result(v.number())
	return nil
}

func linuxRobust(v *vm, _ *pacer) error {
	v.threads.Self().Robust = v.arg(0)
	v.result(0)
	return nil
}

func linuxYield(v *vm, p *pacer) error {
	v.result(0)
	if !v.threads.Many() {
		return nil
	}
	return v.schedule(p.ctx, false)
}

func linuxExitGroup(v *vm, _ *pacer) error {
	v.status = int(int32(v.arg(0)))
	v.endLine()
	if v.loops && v.stage != stageStart {
		// It was to decide and ask again: this is how a panic ends.
		return trapf("the program ended itself with status %d", v.status)
	}
	if v.flow.begun && v.status != 0 {
		// By no other way can it say that the answer that it sends by pieces is not whole.
		return trapf("the program ended itself with status %d in the middle of its answer", v.status)
	}
	return errStop
}

func linuxExit(v *vm, p *pacer) error {
	// The thread that serves the host's call ends that, whoever goes on.
	if !v.threads.Many() || v.stage != stageStart && v.threads.AtHome() {
		return linuxExitGroup(v, p)
	}
	th := v.threads.Self()
	v.leaveLocks(th.Robust)
	if at := th.Clear; at != 0 && v.store(at, make([]byte, 4)) == nil {
		v.threads.Wake(at, 1, ^uint32(0))
	}
	v.threads.Exit()
	return v.schedule(p.ctx, true)
}

// leaveLocks marks the robust locks of a thread that ends. A list that is not
// in order is left as it is: the thread is gone either way.
func (v *vm) leaveLocks(head uint64) {
	const most = 1024
	w := v.word()
	if head == 0 {
		return
	}
	offset, err := v.loadWord(head + w)
	if err != nil {
		return
	}
	pending, _ := v.loadWord(head + 2*w)
	at, err := v.loadWord(head)
	for range most {
		if err != nil || at&^1 == head {
			break
		}
		next, failed := v.loadWord(at &^ 1)
		if at != pending {
			v.leaveLock(at&^1 + offset)
		}
		at, err = next, failed
	}
	if pending != 0 {
		v.leaveLock(pending&^1 + offset)
	}
}

func (v *vm) leaveLock(at uint64) {
	const waiters, died, owner = 1 << 31, 1 << 30, 1<<30 - 1
	b, err := v.window(at, 4)
	if err != nil || at%4 != 0 {
		return
	}
	lock := binary.LittleEndian.Uint32(b)
	if lock&owner != uint32(v.number()) {
		return
	}
	binary.LittleEndian.PutUint32(b, lock&waiters|died)
	if lock&waiters != 0 {
		v.threads.Wake(at, 1, ^uint32(0))
	}
}

func linuxClone(v *vm, _ *pacer) error {
	return v.clone(v.arg(0), v.arg(1), v.arg(2), v.arg(3), v.arg(4))
}

func linuxClone3(v *vm, _ *pacer) error {
	const words = 11
	if v.arg(1) < words*8 {
		v.errno(eNoSpace)
		return nil
	}
	// The record has 64-bit words whatever the program's are.
	var a [words]uint64
	for i := range a {
		n, err := v.load64(v.arg(0) + 8*uint64(i))
		if err != nil {
			return err
		}
		a[i] = n
	}
	const flags, childTID, parentTID, stack, stackSize, tls = 0, 2, 3, 5, 6, 7
	return v.clone(a[flags], a[stack]+a[stackSize], a[parentTID], a[tls], a[childTID])
}

// clone makes a thread that goes on where this one is, on a stack of its own.
func (v *vm) clone(flags, stack, parentTID, tls, childTID uint64) error {
	v.m.Charge(2000)
	if flags&(cloneVM|cloneThread) != cloneVM|cloneThread || stack == 0 {
		v.errno(eInval)
		return nil
	}
	v.m.SkipCall()
	v.m.Unreserve()
	kept := v.m.X
	v.m.X[10], v.m.X[2] = 0, stack
	if flags&cloneSetTLS != 0 {
		v.m.X[4] = tls
	}
	child := v.threads.Spawn(v.m.Save())
	v.m.X = kept
	if child == nil {
		v.errno(eAgain)
		return nil
	}
	id := uint64(child.ID)
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], uint32(id))
	if flags&cloneChildClear != 0 {
		child.Clear = childTID
	}
	if flags&cloneParentTID != 0 {
		if err := v.store(parentTID, b[:]); err != nil {
			return err
		}
	}
	if flags&cloneChildSetTID != 0 {
		if err := v.store(childTID, b[:]); err != nil {
			return err
		}
	}
	v.result(id)
	return nil
}
