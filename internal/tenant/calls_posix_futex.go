package tenant

import (
	"context"
	"encoding/binary"

	"fishplate/internal/tenant/thread"
)

// The operations of futex. Private or not is the same here, and a wait's clock
// is a flag.
const (
	futexWait       = 0
	futexWake       = 1
	futexRequeue    = 3
	futexCmpRequeue = 4
	futexWakeOp     = 5
	futexWaitBits   = 9
	futexWakeBits   = 10
	futexMask       = 127
	futexRealtime   = 256
)

const anyBits = ^uint32(0)

func linuxFutex(v *vm, p *pacer) error   { return v.futex(p, v.word()) }
func linuxFutex64(v *vm, p *pacer) error { return v.futex(p, 8) }

// futex serves both forms; part is the size of half a time record.
func (v *vm) futex(p *pacer, part uint64) error {
	word, op, n := v.arg(0), uint32(v.arg(1)), count(v.arg(2))
	switch op & futexMask {
	case futexWait, futexWaitBits:
		bits := anyBits
		if op&futexMask == futexWaitBits {
			bits = uint32(v.arg(5))
		}
		return v.futexWait(p.ctx, word, op, bits, part)
	case futexWake:
		v.result(uint64(v.threads.Wake(word, n, anyBits)))
	case futexWakeBits:
		v.result(uint64(v.threads.Wake(word, n, uint32(v.arg(5)))))
	case futexCmpRequeue, futexRequeue:
		if op&futexMask == futexCmpRequeue {
			now, err := v.load32(word)
			if err != nil {
				return err
			}
			if now != uint32(v.arg(5)) {
				v.errno(eAgain)
				return nil
			}
		}
		woken := v.threads.Wake(word, n, anyBits)
		moved := v.threads.Requeue(word, v.arg(4), count(v.arg(3)))
		v.result(uint64(woken + moved))
	case futexWakeOp:
		return v.futexWakeOp(word, n)
	default:
		v.errno(eInval)
	}
	return nil
}

// count is a number of threads: an int of which more than there can be is all.
func count(n uint64) int { return int(min(uint32(n), thread.Limit)) }

func (v *vm) load32(addr uint64) (uint32, error) {
	b, err := v.buffer(addr, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (v *vm) futexWait(ctx context.Context, word uint64, op, bits uint32, part uint64) error {
	now, err := v.load32(word)
	if err != nil {
		return err
	}
	switch {
	case now != uint32(v.arg(2)):
		v.errno(eAgain)
		return nil
	case bits == 0:
		v.errno(eInval)
		return nil
	}
	until := thread.Never
	if at := v.arg(3); at != 0 {
		t, ok, err := v.loadTime(at, part)
		if err != nil {
			return err
		}
		if !ok {
			v.errno(eInval)
			return nil
		}
		if until, err = v.deadline(ctx, t, op&futexMask == futexWaitBits, op&futexRealtime != 0); err != nil {
			return err
		}
	} else if !v.threads.Used() {
		// Nobody could ever end it. Programs know this answer.
		v.result(0)
		return v.store(word, make([]byte, 4))
	}
	v.threads.Wait(word, bits, until, negative(eTimedOut))
	return v.schedule(ctx, false)
}

// futexWakeOp changes the second word as the operation in a5 says, wakes who
// waits for the first, and, if the second was as a5 compares it, who waits for
// that.
func (v *vm) futexWakeOp(word uint64, n int) error {
	second, code := v.arg(4), uint32(v.arg(5))
	b, err := v.window(second, 4)
	if err != nil {
		return err
	}
	old := binary.LittleEndian.Uint32(b)
	operand := uint32(int32(code<<8) >> 20)
	if code>>31 != 0 {
		operand = 1 << (operand & 31)
	}
	now := old
	switch code >> 28 & 7 {
	case 0:
		now = operand
	case 1:
		now += operand
	case 2:
		now |= operand
	case 3:
		now &^= operand
	case 4:
		now ^= operand
	default:
		v.errno(eNoSys)
		return nil
	}
	binary.LittleEndian.PutUint32(b, now)
	woken := v.threads.Wake(word, n, anyBits)
	if compares(code>>24&15, int32(old), int32(code<<20)>>20) {
		woken += v.threads.Wake(second, count(v.arg(3)), anyBits)
	}
	v.result(uint64(woken))
	return nil
}

func compares(how uint32, a, b int32) bool {
	switch how {
	case 0:
		return a == b
	case 1:
		return a != b
	case 2:
		return a < b
	case 3:
		return a <= b
	case 4:
		return a > b
	case 5:
		return a >= b
	}
	return false
}
