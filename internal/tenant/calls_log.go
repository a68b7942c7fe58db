package tenant

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"

	"fishplate/internal/message"
)

func timeCalls() []Call {
	return []Call{
		{550, "NOW", "a0 destination of {seconds, nanoseconds}", "a0 = 0", "", "100", "Wall clock, in steps of 16 µs; the words are signed.", sysNow},
		{551, "MONOTONIC", "a0 destination of {nanoseconds}", "a0 = 0", "", "100", "Time since the program's image was made, in steps of 16 µs.", sysMonotonic},
		{552, "RANDOM", "a0, a1 destination, length", "a0 = length", "FP_E_LIMIT: above 4096", "200 + 20·length", "Random bytes that are good for keys.", sysRandom},
	}
}

func logCalls() []Call {
	return []Call{
		{553, "LOG_FIELD", "a0, a1 name; a2, a3 value", "a0 = 0", "FP_E_STAGE: no request; FP_E_INVALID: a name that is no token of at most 64 bytes; FP_E_LIMIT: a value above 256 bytes, a 17th field", "300 and length", "A field of the request's line in the access log; the same name again replaces it.", sysLogField},
		{554, "COUNTER_ADD", "a0, a1 name; a2 amount, 32 bits, not negative", "a0 = 0", "FP_E_INVALID: a name that is no token of at most 64 bytes, or a negative amount; FP_E_LIMIT: a 65th name", "200", "Adds to a counter of the tenant: metric fishplate_tenant_custom_total.", sysCounterAdd},
		{555, "SPAN_BEGIN", "a0, a1 name", "a0 = span", "FP_E_STAGE, FP_E_INVALID; FP_E_LIMIT: a 17th", "300", "Begins to measure a part of the request.", sysSpanBegin},
		{556, "SPAN_END", "a0 span", "a0 = 0", "FP_E_NONE: no such span, or ended; FP_E_STAGE", "200", "Ends it, and measures it: metric fishplate_tenant_span_seconds, for the first 64 names of the tenant. What is not ended ends with the callback's line in the log, as long as it took till then, and is not measured.", sysSpanEnd},
		{557, "LOG_LEVEL", "a0 level, 0 debug, 1 info, 2 warning, 3 error; a1, a2 text", "a0 = length", "FP_E_INVALID: another level; FP_E_LIMIT: too many lines this second, dropped", "500 and length", "Writes to the tenant's log at a level.", sysLogLevel},
	}
}

const (
	clockStep = 16 * time.Microsecond
	maxRandom = 4096 // bytes of one call
)

// now asks for the wall clock, coarsened.
func (v *vm) now(ctx context.Context) (seconds, nanos int64, err error) {
	b, err := v.learn(ctx, learnTime, func(context.Context) ([]byte, error) {
		at := time.Now().Truncate(clockStep)
		b := binary.LittleEndian.AppendUint64(v.bench.out[:0], uint64(at.Unix()))
		v.bench.out = binary.LittleEndian.AppendUint64(b, uint64(at.Nanosecond()))
		return v.bench.out, nil
	})
	if err != nil || len(b) != 16 {
		return 0, 0, err
	}
	return int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:])), nil
}

func sysNow(v *vm, pace *pacer) error {
	v.m.Charge(100)
	seconds, nanos, err := v.now(pace.ctx)
	if err != nil {
		return err
	}
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], uint64(seconds))
	binary.LittleEndian.PutUint64(b[8:], uint64(nanos))
	at := v.arg(0)
	v.result(0)
	return v.store(at, b[:])
}

func sysMonotonic(v *vm, pace *pacer) error {
	v.m.Charge(100)
	b, err := v.learn(pace.ctx, learnTime, func(context.Context) ([]byte, error) {
		d := time.Since(v.image.made).Truncate(clockStep)
		v.bench.out = binary.LittleEndian.AppendUint64(v.bench.out[:0], uint64(d))
		return v.bench.out, nil
	})
	if err != nil {
		return err
	}
	at := v.arg(0)
	v.result(0)
	return v.store(at, b)
}

func sysRandom(v *vm, pace *pacer) error {
	n := v.arg(1)
	if n > maxRandom {
		v.wrong(errLimit, "more than 4096 random bytes at once")
		return nil
	}
	v.m.Charge(200 + 20*n)
	b, err := v.randomBytes(pace.ctx, n)
	if err != nil {
		return err
	}
	dst := v.arg(0)
	v.result(uint64(len(b)))
	return v.store(dst, b)
}

// randomBytes asks for n random bytes.
func (v *vm) randomBytes(ctx context.Context, n uint64) ([]byte, error) {
	return v.learn(ctx, learnRandom, func(context.Context) ([]byte, error) {
		v.bench.out = append(v.bench.out[:0], make([]byte, n)...)
		_, err := rand.Read(v.bench.out)
		return v.bench.out, err
	})
}

// happened learns whether the host did something that its own state can refuse.
func (v *vm) happened(ctx context.Context, what learned, do func() bool) (bool, error) {
	b, err := v.learn(ctx, what, func(context.Context) ([]byte, error) {
		v.bench.out = append(v.bench.out[:0], truth(do()))
		return v.bench.out, nil
	})
	return len(b) > 0 && b[0] != 0, err
}

// label returns a name for operators: a token of at most 64 bytes.
func (v *vm) label() ([]byte, bool, error) {
	name, err := v.given(0)
	if err != nil {
		return nil, false, err
	}
	if len(name) > maxLabel || !message.ValidName(name) {
		v.wrong(errInvalid, "the name is no token of at most 64 bytes")
		return nil, false, nil
	}
	return name, true, nil
}

// annotated returns where notes about the request go. A request that nobody
// logs, one that renews an object, has notes that nobody reads.
func (v *vm) annotated() *Notes {
	switch {
	case v.stage == stageStart || v.stage == stageStorage:
		v.wrong(errStage, "there is no request")
		return nil
	case v.bench.notes == nil:
		v.bench.notes = new(Notes)
	}
	return v.bench.notes
}

func sysLogField(v *vm, _ *pacer) error {
	name, ok, err := v.label()
	if !ok {
		return err
	}
	value, err := v.given(2)
	if err != nil {
		return err
	}
	v.m.Charge(300 + uint64(len(name)+len(value)))
	n := v.annotated()
	switch {
	case n == nil:
	case len(value) > maxNote || !n.set(name, value):
		v.wrong(errLimit, "more than 16 fields, or a value above 256 bytes")
	default:
		v.result(0)
	}
	return nil
}

func sysCounterAdd(v *vm, pace *pacer) error {
	v.m.Charge(200)
	name, ok, err := v.label()
	if !ok {
		return err
	}
	n := int32(v.arg(2))
	if n < 0 {
		v.wrong(errInvalid, "counters do not go down")
		return nil
	}
	added, err := v.happened(pace.ctx, learnHost, func() bool { return v.image.stats.count(name, int64(n)) })
	switch {
	case err != nil:
		return err
	case !added:
		v.wrong(errLimit, "the tenant has 64 counters already")
	default:
		v.result(0)
	}
	return nil
}

func sysSpanBegin(v *vm, _ *pacer) error {
	v.m.Charge(300)
	name, ok, err := v.label()
	if !ok {
		return err
	}
	n := v.annotated()
	if n == nil {
		return nil
	}
	i, ok := n.begin(name, time.Now())
	if !ok {
		v.wrong(errLimit, "more than 16 spans")
		return nil
	}
	v.result(uint64(i))
	return nil
}

func sysSpanEnd(v *vm, _ *pacer) error {
	v.m.Charge(200)
	n := v.annotated()
	if n == nil {
		return nil
	}
	now := time.Now()
	if !n.end(v.arg(0), now) {
		v.wrong(errNone, "there is no such span, or it has ended")
		return nil
	}
	v.image.stats.spanned(n.Span(int(v.arg(0)), now))
	v.result(0)
	return nil
}

func sysLogLevel(v *vm, pace *pacer) error {
	level := v.arg(0)
	b, err := v.given(1)
	if err != nil {
		return err
	}
	v.m.Charge(500 + uint64(len(b)))
	if level > levelError {
		v.wrong(errInvalid, "there is no such level")
		return nil
	}
	said, err := v.happened(pace.ctx, learnHost, func() bool { return v.image.stats.say(int(level), b) })
	switch {
	case err != nil:
		return err
	case !said:
		v.wrong(errLimit, "too many lines this second")
	default:
		v.result(uint64(len(b)))
	}
	return nil
}
