package tenant

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/tenant/ask"
	"fishplate/internal/tenant/heap"
	"fishplate/internal/tenant/lines"
	"fishplate/internal/tenant/permit"
	"fishplate/internal/tenant/text"
	"fishplate/riscv"
)

const (
	maxBuffer  = 16 << 20 // bytes of one Buffer argument
	maxCString = 16 << 10

	keptBody = 256 << 10 // bytes of a response's buffer that a pooled fork keeps

	foreachBudget = 50_000 // instructions that field iterations add to the budget of a call
	signalBudget  = 60_000 // instructions of a fault handler
	unknownCost   = 500    // of a call that there is not, and of the line about it
	callCost      = 40     // of any call: to leave the program and to come back

	freePages   = 64   // pages that a fork changes for nothing
	pagesAtOnce = 32   // pages that it changes then before it is asked to pay
	pageCost    = 2400 // of each: the host makes it, and clears it afterwards
	clearCost   = 800  // of a page that is given back before the end
	protectCost = 16   // of a page whose protection changes
)

// The messages that a guest can select.
const (
	whereReq = iota
	whereReqTop
	whereResp
	whereObj
	whereBereq
	whereBeresp
	whereCount
)

// The callbacks that a guest may register, by index.
const (
	cbOnRecv            = 1
	cbOnHash            = 2
	cbOnSynth           = 3
	cbOnBackendFetch    = 4
	cbOnBackendResponse = 5
	cbOnBackendError    = 6
	cbOnDeliver         = 7
	cbOnHit             = 8
	cbOnMiss            = 9
	cbOnLiveUpdate      = 10
	cbOnResumeUpdate    = 11
	cbCount             = 12
)

// stage is what a machine is busy with; calls mean different things in each.
type stage uint8

const (
	stageStart stage = iota
	stageRecv
	stageForge
	stageSynth
	stageDeliver
	stageHash
	stageResponse
	stageStorage // a call into the storage machine: there are no messages
	stageFetch
	stageError
	stageHit
	stageMiss
	stageNamed
)

var stageNames = [...]string{"main", "on_recv", "forge", "on_synth", "on_deliver", "on_hash", "on_backend_response", "storage",
	"on_backend_fetch", "on_backend_error", "on_hit", "on_miss", "a named function"}

// trap ends a call: the guest did, or asked for, something that it may not.
type trap struct {
	cause string // a Fault's cause
	text  string
}

func (t *trap) Error() string { return t.text }

func trapf(format string, args ...any) error {
	return &trap{cause: "guest-fault", text: fmt.Sprintf(format, args...)}
}

// errStop is returned by a host call that ends the call that is running.
var errStop = errors.New("stop")

// answer is a response that a guest gave by value.
type answer struct {
	status int
	kind   []byte // media type
	body   []byte
	given  bool
}

// decision is what SET_DECISION or BACKEND_DECISION left behind.
type decision struct {
	word    string
	values  [3]uint64
	backend int    // index into the tenant's backends, -1 when none was chosen
	server  string // of that backend, "" when none was chosen
	stream  bool   // bodies go by pieces
}

// memento is the host's half of an image: what a fork starts with.
type memento struct {
	bearings
	space holes // below mmapNext
}

// bearings are what of a memento is copied for each request as it is.
type bearings struct {
	callbacks [cbCount]uint64
	exit      uint64
	stackTop  uint64
	brkBase   uint64
	brkNow    uint64 // what was set last
	mmapNext  uint64
	mmapEnd   uint64
	signal    uint64
	heapBase  uint64 // of a fork: the high-water mark of main
	heapEnd   uint64
	regexes   []*text.Pattern
	functions map[string]uint64

	mmapBase uint64
	wide     bool   // the room for mappings is wideWindow
	numbered bool   // the first thread knows its number
	signals  bool   // one was sent
	loops    bool   // the program asks for requests in a loop
	idle     bool   // and it stands in that call
	homeSP   uint64 // sp when it last asked, or decided
	skew     int64  // nanoseconds that the program slept
	threads  threadTable
	actions  *sigactions // nil: all by default; never changed in place
	poll     poll
}

// vm is one machine with the host's half of it.
type vm struct {
	m     *riscv.Machine
	image *image
	shard metrics.Shard // of the tenant's counters, from request to request
	memento
	heap heap.Heap

	role     role // request or storage: see storage.go
	stage    stage
	waiting  bool // main reached the wait call
	status   int  // of an exit system call
	limit    uint64
	pages    int // of the memory's list that are paid; 0: nobody is charged for pages
	views    [whereCount]*lines.View
	req, res lines.View
	decision decision
	held     *held    // a call that paused; nil without
	steering Steering // what the request at hand may ask; nil without one
	strikes  int      // bans and purges of the request
	answer   answer
	digest   hash.Hash // kept from request to request
	hashed   bool      // the digest is of this request
	terms    Terms
	scratch  []byte
	taken    time.Time // when the present call began
	pace     pacer     // of the present call
	outside  Outside   // nil: it may ask nobody
	asked    ask.Table // what the present call has asked of others
	told     []byte    // the last answer of the world outside
	nap      napper
	bench    bench
	flow     flow          // a streamed answer
	switched uint64        // counter when the present thread got the hart
	nested   int           // functions of the guest that host calls are in
	granted  uint64        // of foreachBudget, to the present call
	event    event         // of a program that loops
	tape     *tape         // what is learned is written down, or read; nil: neither
	watch    *watch        // who looks on; nil: nobody
	ticking  func() uint64 // is tick, made once
}

// reset makes the host's half of a fork as good as new. Nothing of the request
// stays: every buffer that held some of it is emptied. The machine looks after
// itself.
func (v *vm) reset() {
	regexes, threads, first := v.regexes[:0], v.threads, &v.image.memento
	v.bearings = first.bearings
	v.space.copy(&first.space)
	v.regexes = append(regexes, first.regexes...)
	threads.Copy(&first.threads)
	v.threads, v.switched, v.nested, v.event = threads, 0, 0, event{}
	v.heap.Reset(v.heapBase, v.heapEnd-v.heapBase)
	v.detach()
	v.decision = decision{backend: -1}
	v.answer = answer{kind: v.answer.kind[:0], body: v.answer.body[:0]}
	if cap(v.answer.body) > keptBody {
		v.answer.body = nil
	}
	v.hashed = false
	v.held, v.steering, v.strikes = nil, nil, 0
	v.terms.reset()
	v.bench.reset()
	v.leaveOutside()
	v.tape, v.watch = nil, nil
	clear(v.scratch[:cap(v.scratch)])
	v.scratch = v.scratch[:0]
	v.stage = stageStart
}

func (v *vm) detach() {
	v.req.Detach()
	v.res.Detach()
	v.views = [whereCount]*lines.View{}
}

// attach shows the guest the messages of a stage.
func (v *vm) attach(s stage, req *message.Request, resp *message.Response) {
	v.stage = s
	v.views = [whereCount]*lines.View{}
	v.req.AttachRequest(req, s.readsRequest())
	if resp != nil {
		v.res.AttachResponse(resp)
	}
	switch s {
	case stageFetch:
		v.views[whereBereq] = &v.req
		return
	case stageResponse, stageError:
		if s == stageResponse {
			v.res.Freeze(lines.BodyKept)
		}
		v.views[whereBereq], v.views[whereBeresp] = &v.req, &v.res
		return
	case stageHit:
		v.req.Freeze(lines.StartLine)
		v.res.Freeze(lines.Everything)
		v.views[whereReq], v.views[whereReqTop], v.views[whereObj] = &v.req, &v.req, &v.res
		return
	case stageMiss:
		// A call that paused asks for the object's status to know where it is: 0.
		v.req.Freeze(lines.StartLine)
		v.res.AttachResponse(&message.Response{})
		v.res.Freeze(lines.Everything)
		v.views[whereReq], v.views[whereReqTop], v.views[whereBereq], v.views[whereObj] = &v.req, &v.req, &v.req, &v.res
		return
	case stageNamed:
		v.views[whereReq], v.views[whereReqTop] = &v.req, &v.req
		return
	case stageDeliver:
		v.res.Freeze(lines.BodyKept)
	}
	switch s {
	case stageForge:
		v.views[whereBereq], v.views[whereBeresp] = &v.req, &v.res
	case stageRecv:
		v.views[whereReq], v.views[whereReqTop] = &v.req, &v.req
	default:
		v.views[whereReq], v.views[whereReqTop], v.views[whereResp] = &v.req, &v.req, &v.res
	}
}

// view returns the message that a guest selected, or a trap.
func (v *vm) view(where uint64) (*lines.View, error) {
	if w := uint32(where); w < whereCount && v.views[w] != nil {
		return v.views[w], nil
	}
	return nil, trapf("selected message %d is not available in %s", int32(where), stageNames[v.stage])
}

// arg returns argument register n.
func (v *vm) arg(n int) uint64 { return v.m.X[10+n] }

// result sets a0.
func (v *vm) result(n uint64) { v.m.X[10] = n }

// result32 sets a0 to a 32-bit result, sign-extended as the ABI has it.
func (v *vm) result32(n uint32) { v.m.X[10] = uint64(int64(int32(n))) }

// buffer returns the guest's bytes for a (pointer, length) pair, without
// copying. They are valid until the machine runs or is written to.
func (v *vm) buffer(addr, n uint64) ([]byte, error) {
	if n == 0 {
		return nil, nil // a dangling pointer to nothing is allowed
	}
	if n > maxBuffer {
		return nil, trapf("buffer of %d bytes at %#x exceeds %d", n, addr, maxBuffer)
	}
	b, err := v.m.Mem.View(addr, n)
	if err != nil {
		return nil, v.memoryTrap(err)
	}
	return b, nil
}

// window returns n writable bytes at addr.
func (v *vm) window(addr, n uint64) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	b, err := v.m.Mem.Writable(addr, n)
	if err != nil {
		return nil, v.memoryTrap(err)
	}
	return b, nil
}

// store writes bytes to the guest.
func (v *vm) store(addr uint64, b []byte) error {
	w, err := v.window(addr, uint64(len(b)))
	copy(w, b)
	return err
}

func (v *vm) store64(addr, n uint64) error {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	return v.store(addr, b[:])
}

func (v *vm) load64(addr uint64) (uint64, error) {
	b, err := v.buffer(addr, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// memoryTrap turns an error of the memory into the trap that it means.
func (v *vm) memoryTrap(err error) error {
	if v.m.Mem.Pages() >= v.m.Mem.Limit() {
		return &trap{cause: "guest-memory", text: fmt.Sprintf("memory limit of %d bytes reached: %v", v.image.tenant.Memory, err)}
	}
	return trapf("%v", err)
}

// cstring returns the text at addr up to its NUL.
func (v *vm) cstring(addr uint64) (string, error) {
	s, err := v.m.Mem.CString(addr, maxCString)
	if err != nil {
		return "", v.memoryTrap(err)
	}
	return s, nil
}

// enter prepares the registers for a call of fn with a fresh budget.
func (v *vm) enter(fn uint64, a0, a1, a2 uint64) {
	v.goHome()
	v.limit, v.granted = v.m.Instret+v.image.tenant.Instructions, 0
	if v.happens(fn, [3]uint64{a0, a1, a2}) {
		return
	}
	v.m.X[10], v.m.X[11], v.m.X[12] = a0, a1, a2
	v.m.X[1] = v.exit
	v.m.X[2] &^= 15
	v.m.PC = fn
}

// push puts a string on the guest's stack and returns its address. What is there
// already, as most often the NUL of an empty argument, is not written: the page
// may need no restoring then.
func (v *vm) push(s string) (uint64, error) {
	if v.loops {
		return v.lend([]byte(s))
	}
	sp := v.m.X[2] - uint64(len(s)) - 1
	b, err := v.m.Mem.View(sp, uint64(len(s))+1)
	if err == nil && b[len(s)] == 0 && string(b[:len(s)]) == s {
		v.m.X[2] = sp
		return sp, nil
	}
	w, err := v.window(sp, uint64(len(s))+1)
	if err != nil {
		return 0, err
	}
	w[copy(w, s)] = 0
	v.m.X[2] = sp
	return sp, nil
}

// run executes until the call that enter began ends, and turns whatever went
// wrong into a fault that names tenant, pc and symbol.
func (v *vm) run(ctx context.Context) *message.Fault {
	v.taken = v.image.now()
	err := v.entered(ctx)
	if err == nil || err == errStop {
		return nil
	}
	f := v.fault(err)
	v.report(f)
	v.signalled(ctx)
	return f
}

// paced is loop in slices that begin now.
func (v *vm) paced(ctx context.Context) error {
	v.pace = pacer{v: v, ctx: ctx, end: v.m.Instret + permit.Slice, paid: v.m.Instret, begun: v.taken}
	err := v.loop(&v.pace)
	if v.loops && v.stage != stageStart {
		v.settle()
	}
	v.hangUp()
	v.pace.finish()
	v.pace.ctx = nil
	return err
}

// loop runs the machine until STOP, which gives nil, or an error. Nested calls
// of the guest's functions by the host use it too, under the same pacer.
func (v *vm) loop(pace *pacer) error {
	for {
		fuel, err := pace.fuel()
		if err != nil {
			return err
		}
		done, err := v.serve(pace, v.execute(fuel))
		if done || err != nil {
			return err
		}
	}
}

// execute runs the machine.
func (v *vm) execute(fuel uint64) (e riscv.Exit) {
	if v.watch != nil && v.watch.counter != nil {
		e = v.watch.counter.Run(fuel)
	} else {
		e = v.m.Run(fuel)
	}
	v.payPages()
	return e
}

// serve does what an exit of the machine asks for. done is true at the end of the
// call.
func (v *vm) serve(pace *pacer, exit riscv.Exit) (done bool, err error) {
	switch exit.Kind {
	case riscv.Stop:
		return true, nil
	case riscv.Budget:
		if v.threads.Many() {
			err = v.preempt(pace.ctx)
		}
	case riscv.Call:
		err = v.dispatch(pace, v.m.X[17])
		v.m.SkipCall()
	case riscv.Custom:
		err = v.dispatch(pace, 500+uint64(exit.Imm))
		v.m.SkipCall()
	case riscv.Break:
		err = v.dispatch(pace, 599)
		v.m.SkipCall()
	case riscv.Faulted:
		if exit.Fault.Kind == riscv.FetchAccess && exit.Fault.PC == v.exit {
			return true, nil // the return address that stands for STOP
		}
		if exit.Fault.Kind == riscv.FetchAccess && exit.Fault.PC == v.handlerReturn() && v.signals {
			err = v.sigreturn()
			break
		}
		if exit.Fault.Kind == riscv.PageLeave {
			v.m.Mem.Allow(pagesAtOnce) // what it took until now is charged: see execute
			break
		}
		err = machineTrap(v, exit.Fault)
	}
	return false, err
}

func machineTrap(v *vm, f *riscv.Fault) error {
	if f.Kind == riscv.MemoryLimit {
		return &trap{cause: "guest-memory", text: fmt.Sprintf("memory limit of %d bytes reached writing %#x", v.image.tenant.Memory, f.Addr)}
	}
	if f.Addr == f.PC {
		return trapf("%s", f.Kind)
	}
	return trapf("%s, address %#x", f.Kind, f.Addr)
}

// dispatch serves host call n.
func (v *vm) dispatch(pace *pacer, n uint64) error {
	if v.watch != nil && v.watch.trace != nil {
		return v.traced(pace, n)
	}
	return v.attend(pace, n)
}

// attend is dispatch, unobserved. A number that nobody handles changes nothing:
// guests probe for calls with a sentinel in a0.
func (v *vm) attend(pace *pacer, n uint64) error {
	v.m.Charge(callCost)
	pace.called()
	if n >= uint64(len(v.image.calls)) || v.image.calls[n] == nil {
		if n >= 500 {
			v.m.Charge(unknownCost)
			v.logf("system call %d is not handled", n)
		}
		return nil
	}
	if (v.image.shadow || v.stage == stageStorage) && v.withheld(n) {
		return nil
	}
	before := v.m.Instret
	err := v.image.calls[n](v, pace)
	if v.m.Instret-before > dearCall {
		pace.look()
	}
	return err
}

// interrupt calls a function of the guest in the middle of a host call and
// gives the registers back as they were. The budget grows by extra, but for all
// such functions of a call together by no more than foreachBudget: a program
// could go on for ever otherwise.
func (v *vm) interrupt(pace *pacer, extra, fn uint64, args ...uint64) error {
	saved, pc := v.m.Save(), v.m.PC
	extra = min(extra, foreachBudget-v.granted)
	v.granted += extra
	limit := v.limit
	v.limit += extra
	copy(v.m.X[10:18], args)
	v.m.X[1] = v.exit
	v.m.X[2] = (v.m.X[2] - 16) &^ 15
	v.m.PC = fn
	v.nested++
	err := v.loop(pace)
	v.nested--
	if err != nil && err != errStop {
		return err // the registers stay as the trap left them, for its report
	}
	spent := v.m.Instret
	v.m.Restore(&saved)
	v.m.Instret, v.m.PC = spent, pc+4
	v.limit = limit + extra
	return err
}

// fault describes err at the present pc.
func (v *vm) fault(err error) *message.Fault {
	f := &message.Fault{Side: message.SideGuest, Step: "guest", Status: 503, Cause: "guest-fault"}
	switch v.stage {
	case stageForge:
		f.Step, f.Status = "fetch", 500
	case stageResponse, stageFetch, stageError:
		f.Step = "fetch"
	case stageHit, stageMiss:
		f.Step = "lookup"
	}
	var t *trap
	if errors.As(err, &t) {
		f.Cause = t.cause
	}
	if f.Cause == cancelled {
		f.Status = 499 // nobody is there to be told anything
	}
	f.Err = fmt.Errorf("run %s of guest %q: %w at pc %s", stageNames[v.stage], v.image.tenant.Name, err, v.where(v.m.PC))
	return f
}

// where names an address, and its symbol when the program has any.
func (v *vm) where(pc uint64) string {
	if name, off := v.image.program.Symbol(pc); name != "" {
		place := fmt.Sprintf("%#x (%s+%#x)", pc, name, off)
		if at := v.image.code.lines().At(pc); len(at) > 0 && at[0].Line > 0 {
			place = fmt.Sprintf("%s, %s:%d)", place[:len(place)-1], at[0].File, at[0].Line)
		}
		return place
	}
	return fmt.Sprintf("%#x", pc)
}

// signalled lets the handler that the guest asked for have its last word after
// a fault, within a budget of its own. Its outcome changes nothing.
func (v *vm) signalled(ctx context.Context) {
	if v.signal == 0 {
		return
	}
	handler := v.signal
	v.signal = 0
	v.enter(handler, 11, 0, 0)
	v.limit = v.m.Instret + signalBudget
	_ = v.paced(ctx)
}
