package tenant

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"sync"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/tenant/ask"
)

// Question is a request that a program makes (see ask.Question).
type Question = ask.Question

// Fetched is what comes of it (see ask.Answer).
type Fetched = ask.Answer

// What an Outside says instead of an answer.
var (
	ErrDenied = ask.ErrDenied // the program may not
	ErrLimit  = ask.ErrLimit  // a limit is reached
	ErrTime   = ask.ErrTime   // the time is over
	ErrFailed = ask.ErrFailed // it was tried and failed
	ErrStage  = ask.ErrStage  // not now
)

// Outside is what a Run may ask of who runs it. Its methods are called in the
// middle of a call of the program, on the goroutine of that call. None of them
// keeps the bytes that it is given.
type Outside interface {
	// Fetch begins to ask and does not wait.
	Fetch(q *Question) (Fetched, error)
	// ReadBody takes the next bytes of the client's body, waiting for them for d.
	// io.EOF is its end.
	ReadBody(p []byte, d time.Duration) (int, error)
	// BodyLength returns the length that the client declared, -1 without one.
	BodyLength() int64
	// Begin sends the head of a streamed answer: status, fields and framing are
	// in resp.
	Begin(resp *message.Response) error
	// Write sends the next bytes of its body. It returns when there is room for
	// more, or with ErrFailed when nobody wants them.
	Write(p []byte) error
}

// Outside says whom the program may ask. Without one it is denied everything.
func (r *Run) Outside(o Outside) { r.outside = o }

// cancelled is the cause of calls that nobody waits for any more.
const cancelled = "guest-cancelled"

const (
	maxTold   = 64 << 10               // bytes that one read or write moves
	pieceCost = 16                     // bytes of a piece that cost an instruction
	napAfter  = 250 * time.Millisecond // a machine whose program waits for longer lends its memory away
)

// A napper parks the machine of a call that waits long. Its timer is kept from
// one wait to the next.
type napper struct {
	mu      sync.Mutex
	waiting bool
	timer   *time.Timer
}

// begin expects a wait that may be long. Until end, only the timer touches the
// machine.
func (n *napper) begin(v *vm) {
	n.mu.Lock()
	n.waiting = true
	n.mu.Unlock()
	if n.timer != nil {
		n.timer.Reset(napAfter)
		return
	}
	n.timer = time.AfterFunc(napAfter, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.waiting && v.m != nil {
			v.m.Park()
		}
	})
}

func (n *napper) end() {
	n.timer.Stop()
	n.mu.Lock()
	n.waiting = false
	n.mu.Unlock()
}

// apart is for what may wait in the middle of a call. The wait holds no permit
// and does not count to the tenant's time: what is waited for has a bound of its
// own. It must not touch the machine.
func (p *pacer) apart(wait func()) {
	p.letGo()
	v, began := p.v, time.Now()
	v.nap.begin(v)
	defer func() {
		v.nap.end()
		v.taken = v.taken.Add(time.Since(began))
	}()
	wait()
}

// inquire is learn for answers that are a result and bytes: live appends the
// bytes to what it is given. It may wait. The bytes are valid until the next
// question.
func (v *vm) inquire(p *pacer, what learned, live func(ctx context.Context, dst []byte) (int64, []byte)) (int64, []byte, error) {
	told, err := v.learn(p.ctx, what, func(ctx context.Context) ([]byte, error) {
		var n int64
		p.apart(func() {
			v.told = append(v.told[:0], 0, 0, 0, 0, 0, 0, 0, 0)
			n, v.told = live(ctx, v.told)
		})
		binary.LittleEndian.PutUint64(v.told, uint64(n))
		if ctx.Err() != nil || v.asked.Left() {
			return nil, &trap{cause: cancelled, text: "the client left"}
		}
		return v.told, nil
	})
	switch {
	case err != nil:
		return 0, nil, err
	case len(told) < 8:
		return 0, nil, trapf("kept answer of %d bytes", len(told))
	}
	return int64(binary.LittleEndian.Uint64(told)), told[8:], nil
}

// codeOf is the result that stands for an error of the world outside.
func codeOf(err error) int64 {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ask.ErrDenied):
		return errDenied
	case errors.Is(err, ask.ErrLimit):
		return errLimit
	case errors.Is(err, ask.ErrTime):
		return errTime
	case errors.Is(err, ask.ErrStage):
		return errStage
	}
	return errFailed
}

// patience is how long a guest wants to wait; a negative number is as long as it
// takes.
func patience(ms uint64) time.Duration {
	n := int64(int32(ms)) // what does not fit is for ever as well
	if n < 0 {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Millisecond
}

// readInto reads once into the room behind dst.
func readInto(dst []byte, n uint64, read func([]byte) (int, error)) (int64, []byte) {
	at := len(dst)
	room := int(min(n, maxTold))
	if cap(dst) < at+room {
		dst = append(make([]byte, 0, at+room), dst...)
	}
	got, err := read(dst[at : at+room])
	dst = dst[:at+got]
	if got > 0 {
		return int64(got), dst
	}
	if err == io.EOF {
		return 0, dst
	}
	return codeOf(err), dst
}

// hangUp ends what a call has asked and not waited for. Every call ends with it.
func (v *vm) hangUp() {
	if v.asked.Len() > 0 {
		v.image.stats.add(metrics.TenantFetches+2, int64(v.asked.Close()))
	}
}

// leaveOutside forgets everything of the world outside, for the next request.
func (v *vm) leaveOutside() {
	v.hangUp()
	v.outside = nil
	v.flow = flow{}
	clear(v.told)
	v.told = v.told[:0]
}

func (v *vm) countFetch(i int) { v.image.stats.add(metrics.TenantFetches+i, 1) }

// AdmitWithin is Admit for a request that a program of the tenant waits for: it
// comes under that one's admission, since a slot of its own might never be free.
func (t *Tenant) AdmitWithin() (*Run, *message.Fault) {
	if t.current.Load() == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		return nil, t.refuse("guest-missing", t.trouble)
	}
	r := t.admitted()
	r.within = true
	return r, nil
}
