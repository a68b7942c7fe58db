package tenant

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/tenant/reel"
)

// way is a way into a Run, as recordings name it.
type way uint8

// The ways, which are Run's methods.
const (
	wayErrand way = iota + 1 // not a call: what the Run began with
	wayRecv
	wayAnswer
	wayForge
	wayDeliver
	wayHit
	wayMiss
	wayFetch
	wayResponse
	wayError
	waySynth
	wayNamed
	wayFetched
)

var wayNames = [...]string{"", "errand", "on_recv", "answer", "forge", "on_deliver", "on_hit", "on_miss", "on_backend_fetch",
	"on_backend_response", "on_backend_error", "on_synth", "a named function", "the end of the fetch"}

const (
	defaultRing = 4 << 20 // bytes of recordings of a tenant, when its model has no bound
	startLimit  = 1 << 20 // bytes of what main learned that are kept
	bodyHead    = 4 << 10 // bytes of an answer's body that are kept beside its digest
)

// tape is what is written down of a Run, or of the start of an image, and what
// is read when that is repeated. A Run that nobody wants to know more of has
// none. It belongs to the Run's goroutine.
type tape struct {
	w       reel.Writer
	player  *player // nil: the world is asked
	decided bool    // whether the Run is kept
	sampled bool
	cause   string // of the first fault
	retired uint64
	target  []byte
	name    [8]byte // of the request, where no Notes have it
}

// taping begins a tape for a Run of a tenant whose calls are kept.
func (r *Run) taping() {
	d := &r.tenant.model.Debug
	if d.Record <= 0 && !d.OnFault {
		return
	}
	t, _ := r.tenant.stats.tapes.Get().(*tape)
	if t == nil {
		t = new(tape)
	}
	w, target := t.w, t.target[:0]
	w.Reset()
	w.Limit = int(min(ringOf(d.Ring), math.MaxInt32))
	*t = tape{w: w, target: target}
	r.tape = t
}

func ringOf(n int64) int64 {
	if n <= 0 {
		return defaultRing
	}
	return n
}

// naming returns the request's name, which it gets now if it had none.
func (r *Run) naming() [8]byte {
	id := &r.spare
	if r.notes != nil {
		id = &r.notes.id
	} else if r.tape != nil {
		id = &r.tape.name
	}
	christen(id)
	return *id
}

// christen gives a request a name that has none.
func christen(id *[8]byte) {
	if *id == [8]byte{} {
		// Nobody can guess the next, and it takes no call of the system.
		binary.LittleEndian.PutUint64(id[:], rand.Uint64()|1)
	}
}

// wanted decides whether the Run is written down. That depends on the request's
// name alone, so that all Runs of a request share one fate.
func (r *Run) wanted() bool {
	t, d := r.tape, &r.tenant.model.Debug
	if t.decided {
		return true
	}
	t.decided = true
	if d.Record > 0 {
		id := r.naming()
		t.sampled = float64(binary.LittleEndian.Uint64(id[:]))/(1<<64) < d.Record
	}
	if !t.sampled && !d.OnFault {
		r.tenant.stats.tapes.Put(t)
		r.tape = nil
		return false
	}
	return true
}

// heard is what goes into a Run's method.
type heard struct {
	way  way
	n    [4]uint64
	a, b string
	body []byte
	req  *message.Request
	resp *message.Response
}

// open notes that a method begins; nil when nothing is noted.
func (r *Run) open(h *heard) *tape {
	if r.tape == nil || !r.wanted() {
		return nil
	}
	t := r.tape
	if len(t.w.B) == 0 && r.behind && h.way != wayErrand {
		e := heard{way: wayErrand, n: [4]uint64{uint64(truth(r.stream)), r.values[0], r.values[1], r.values[2]}, a: r.arg}
		r.open(&e)
		t.close(nil, nil, nil, nil, nil)
	}
	if len(t.target) == 0 && h.req != nil {
		t.target = append(append(append(t.target, h.req.Method...), ' '), h.req.Target...)
	}
	if t.player != nil {
		t.player.enter(h.way)
	}
	w := &t.w
	w.Begin(reel.Call, uint64(h.way), h.n[0], h.n[1], h.n[2], h.n[3])
	w.String(h.a)
	w.String(h.b)
	w.Text(h.body)
	w.Request(h.req)
	w.Response(h.resp)
	return t
}

// close notes what came of it.
func (t *tape) close(d *Decision, f *message.Fault, req *message.Request, resp *message.Response, body []byte) {
	w := &t.w
	w.Begin(reel.End, reel.Digest(0, body), uint64(len(body)))
	w.Open()
	if d != nil {
		w.B = d.append(w.B)
		if f == nil {
			f = d.Failed
		}
	}
	w.Close()
	if f != nil {
		w.String(f.Cause)
	} else {
		w.String("")
	}
	w.Request(req)
	w.Response(resp)
	w.Text(body[:min(len(body), bodyHead)])
	if t.player != nil {
		t.player.leave()
	}
}

// append writes a decision for people.
func (d *Decision) append(dst []byte) []byte {
	dst = strconv.AppendQuote(append(append(dst, d.Kind.String()...), ' '), d.Word)
	dst = strconv.AppendInt(append(dst, " status "...), int64(d.Status), 10)
	if d.Backend != "" {
		dst = append(append(append(append(dst, " backend "...), d.Backend...), '/'), d.Server...)
	}
	if d.Cached {
		dst = append(dst, " cached"...)
	}
	if len(d.Key) > 0 {
		dst = hex.AppendEncode(append(dst, " key "...), d.Key)
	}
	return dst
}

// ran notes one run of the machine.
func (t *tape) ran(side uint64, s stage, entry *[4]uint64, begin uint64, v *vm, f *message.Fault) {
	m := v.m
	t.retired += m.Instret - begin
	sum := reel.Mix(reel.Mix(0, m.X[:]...), m.F[:]...)
	t.w.Begin(reel.Ran, side, uint64(s), entry[0], entry[1], entry[2], entry[3], begin, m.Instret, m.PC, sum)
	if f == nil {
		t.w.String("")
		return
	}
	t.w.String(f.Cause)
	t.failed(f.Cause)
}

func (t *tape) failed(cause string) {
	if t != nil && t.cause == "" {
		t.cause = cause
	}
}

// sent notes bytes of an answer that left before the call's end.
func (t *tape) sent(b []byte) {
	if t != nil {
		t.w.Begin(reel.Sent, reel.Digest(0, b), uint64(len(b)))
	}
}

// How a question ended, as an Answer has it.
const (
	answeredBytes = iota
	answeredTrap
	answeredError
)

// ask is vm.learn with a tape.
func (t *tape) ask(ctx context.Context, what learned, live func(context.Context) ([]byte, error)) ([]byte, error) {
	var b []byte
	var err error
	if t.player == nil {
		b, err = live(ctx)
	} else if e := t.player.next(what); e != nil {
		b, err = e.Texts[0], recalled(e)
	} else if t.player.start {
		b, err = live(ctx) // another program: its own start
	} else {
		err = &trap{cause: "replay", text: "it asks for " + what.String() + ", which the recording does not have here"}
	}
	t.answer(what, b, err)
	return b, err
}

// answer notes what was learned.
func (t *tape) answer(what learned, b []byte, err error) {
	var asked *trap
	outcome := uint64(answeredBytes)
	switch {
	case errors.As(err, &asked):
		outcome = answeredTrap
	case err != nil:
		outcome = answeredError
	}
	t.w.Begin(reel.Answer, uint64(what), outcome)
	t.w.Text(b)
	switch outcome {
	case answeredTrap:
		t.w.String(asked.cause)
		t.w.String(asked.text)
	case answeredError:
		t.w.String("")
		t.w.String(err.Error())
	default:
		t.w.String("")
		t.w.String("")
	}
}

// recalled is the error that an answer is.
func recalled(e *reel.Event) error {
	switch e.Numbers[1] {
	case answeredTrap:
		return &trap{cause: string(e.Texts[1]), text: string(e.Texts[2])}
	case answeredError:
		return errors.New(string(e.Texts[2]))
	}
	return nil
}

// stopped notes that a slice ended the call, for a reason outside the program.
func (t *tape) stopped(at place, err error) error {
	if t != nil && err != nil {
		t.answer(learnStop, at.bytes(), err)
	}
	return err
}

// due says that a recorded call was stopped here.
func (t *tape) due(at place) bool {
	return t != nil && t.player != nil && t.player.stops(at)
}

// replayed reports whether time and permits are those of a recording, and how it
// was stopped here.
func (t *tape) replayed(at place) (bool, error) {
	if t == nil || t.player == nil {
		return false, nil
	}
	e := t.player.stop(at)
	if e == nil {
		return true, nil
	}
	return true, t.stopped(at, recalled(e))
}

// tick is the CSR time of a machine with a tape.
func (v *vm) tick() uint64 {
	b, err := v.learn(context.Background(), learnTime, func(context.Context) ([]byte, error) {
		return binary.LittleEndian.AppendUint64(nil, v.image.clock()), nil
	})
	if err != nil || len(b) < 8 {
		return 0 // a repetition has noted that the programs part here
	}
	return binary.LittleEndian.Uint64(b)
}

// tapes makes v's questions go to t.
func (v *vm) tapes(t *tape) {
	if v.tape = t; t == nil {
		return
	}
	if v.ticking == nil {
		v.ticking = v.tick
	}
	v.m.Time = v.ticking
}

// leaveTape keeps what the tape holds, if the Run turned out to be one to keep.
func (r *Run) leaveTape() {
	t := r.tape
	if t == nil || t.player != nil {
		return
	}
	d := &r.tenant.model.Debug
	if len(t.w.B) > 0 && (t.sampled || d.OnFault && t.cause != "") {
		id := r.naming()
		r.keep(t, hex.EncodeToString(id[:]))
	}
	r.tape = nil
	r.tenant.stats.tapes.Put(t)
}

// keep puts a copy into the ring.
func (r *Run) keep(t *tape, id string) {
	im, m := r.image, r.tenant.model
	f := &reel.File{
		Head: reel.Head{
			ID: id, Time: time.Now(), Tenant: m.Name, Target: string(t.target), Cause: t.cause, Hash: hex.EncodeToString(im.code.hash[:]),
			Retired: t.retired, Arguments: m.Arguments, Memory: im.tenant.Memory, Instructions: im.tenant.Instructions,
			Storage: m.Storage, Backends: m.Backends, OnFault: m.OnFault, JIT: m.JIT, Tariff: tariff,
		},
		Start: im.began, Events: append([]byte(nil), t.w.B...), Program: im.code.elf,
	}
	if t.w.Full || !r.tenant.stats.kept.Put(f) {
		r.tenant.stats.say(levelWarn, []byte("request "+id+" is not kept: it is larger than the ring of recordings"))
	}
}
