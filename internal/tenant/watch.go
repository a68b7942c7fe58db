package tenant

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	"fishplate/internal/message"
	"fishplate/internal/tenant/permit"
	"fishplate/riscv"
	"fishplate/riscv/debug"
	"fishplate/riscv/linux"
)

// watch is who looks on while a machine runs. Machines have none unless somebody
// asked, and then for one call.
type watch struct {
	counter *debug.Counter
	trace   func(line string)
	// gdb lets a debugger control the guest. over says that the call has ended.
	gdb func(ctx context.Context, v *vm, guest *debug.Guest) (over bool)
}

// eyes are what is looked for in a tenant's calls. They are replaced, never
// changed.
type eyes struct {
	profile *profiling
	stakes  []*stakeout
}

// look replaces the eyes.
func (s *stats) look(change func(*eyes)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var e eyes
	if old := s.eyes.Load(); old != nil {
		e.profile, e.stakes = old.profile, append(e.stakes, old.stakes...)
	}
	change(&e)
	if e.profile == nil && len(e.stakes) == 0 {
		s.eyes.Store(nil)
		return
	}
	s.eyes.Store(&e)
}

// profiling is a profile that is being made. One call at a time is counted; the
// others run as ever.
type profiling struct {
	mu      sync.Mutex
	code    *code
	counter *debug.Counter
}

// watched sets who looks on for one call, and returns what ends that.
func (r *Run) watched(v *vm) (end func()) {
	var w watch
	if r.eye != nil {
		w = *r.eye
	}
	if a := r.chased; a != nil && (a.entry == "" || a.entry == stageNames[v.stage]) {
		w.gdb, r.chased = a.serve, nil
	}
	var p *profiling
	if e := r.tenant.stats.eyes.Load(); e != nil && w.gdb == nil && e.profile != nil && e.profile.code == r.image.code && e.profile.mu.TryLock() {
		p = e.profile
		w.counter = p.counter
		w.counter.Begin(v.m)
	}
	if w.counter == nil && w.gdb == nil && w.trace == nil {
		return func() {}
	}
	v.watch = &w
	return func() {
		v.watch = nil
		if p != nil {
			w.counter.End()
			p.mu.Unlock()
		}
	}
}

// entered runs what was entered, under a debugger if one waits for it.
func (v *vm) entered(ctx context.Context) error {
	if v.watch == nil || v.watch.gdb == nil {
		return v.paced(ctx)
	}
	v.pace = pacer{v: v, ctx: ctx, end: v.m.Instret + permit.Slice, begun: v.taken}
	over, err := v.debugged(ctx)
	// What a person took is not the program's.
	v.taken, v.pace.end = v.image.now(), v.m.Instret+permit.Slice
	if !over {
		err = v.loop(&v.pace)
	}
	if v.loops && v.stage != stageStart {
		v.settle()
	}
	v.hangUp()
	v.pace.finish()
	v.pace.ctx = nil
	return err
}

// debugged lets the debugger have the machine.
func (v *vm) debugged(ctx context.Context) (over bool, err error) {
	ended := false
	var last riscv.Exit
	g := debug.Guest{Machine: v.m}
	g.Handle = func(e riscv.Exit) bool {
		last = e
		done, failed := v.serve(&v.pace, e)
		ended, err = ended || done || failed != nil, failed
		return ended
	}
	g.Status = func() linux.Status {
		switch {
		case err == nil || err == errStop:
			return linux.Status{Exited: true, Exit: last}
		case last.Kind == riscv.Faulted:
			return linux.Status{Exit: last, Reason: err.Error()}
		}
		return linux.Status{Signal: 6, Exit: last, Reason: err.Error()} // SIGABRT: the host ended it
	}
	g.Routine = func(e riscv.Exit) bool {
		switch e.Kind {
		case riscv.Call, riscv.Custom:
			return !v.atBreakpoint(e)
		case riscv.Stop:
			return true
		case riscv.Faulted:
			return e.Fault.Kind == riscv.PageLeave || e.Fault.Kind == riscv.FetchAccess && (e.Fault.PC == v.exit || e.Fault.PC == v.handlerReturn() && v.signals)
		}
		return false
	}
	g.Breakpoint = v.atBreakpoint
	over = v.watch.gdb(ctx, v, &g)
	if over && !ended {
		return true, trapf("the debugger ended the call")
	}
	return ended, err
}

// breakpointCall is the call by which a program asks for the debugger.
const breakpointCall = 504

func (v *vm) atBreakpoint(e riscv.Exit) bool {
	return e.Kind == riscv.Call && v.m.X[17] == breakpointCall || e.Kind == riscv.Custom && 500+uint64(e.Imm) == breakpointCall
}

// traced is dispatch that tells of the call and of its result.
func (v *vm) traced(pace *pacer, n uint64) error {
	x, pc := v.m.X, v.m.PC
	err := v.attend(pace, n)
	line := fmt.Sprintf("%12d %s %s(%#x, %#x, %#x, %#x) = %#x", v.m.Instret, v.where(pc), callName(n), x[10], x[11], x[12], x[13], v.m.X[10])
	if err != nil && err != errStop {
		line += ": " + err.Error()
	}
	v.watch.trace(line)
	return err
}

func callName(n uint64) string {
	for _, c := range Calls() {
		if uint64(c.Number) == n {
			return c.Name
		}
	}
	return fmt.Sprintf("call %d", n)
}

// report tells the operator's log of a fault: with the request's name, which is
// all that the client sees, and with who called whom.
func (v *vm) report(f *message.Fault) {
	if v.stage == stageStart || v.image.shadow {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", f.Cause, f.Err)
	for i, frame := range debug.Backtrace(v.m, v.image.code.lines()) {
		if i > 0 && i < 12 {
			fmt.Fprintf(&b, "; called from %s", frame)
		}
	}
	text := bytes.ReplaceAll([]byte(b.String()), []byte("\n"), []byte(" "))
	level := levelError
	if f.Cause == cancelled {
		level = levelDebug // nobody did anything wrong
	}
	v.image.stats.say(level, text)
}
