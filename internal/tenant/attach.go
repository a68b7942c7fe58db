package tenant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/riscv/debug"
)

// longestDebug bounds how long a client waits for somebody at a debugger.
const longestDebug = 10 * time.Minute

// AttachOptions choose the request that a debugger gets.
type AttachOptions struct {
	Where string        // a predicate over the request; "" is the next one
	Entry string        // which of its calls, "on_recv" or "forge" for instance; "" is the first
	Wait  time.Duration // how long to wait for such a request; 0 is as long as ctx
}

// stakeout is a debugger that waits for a request.
type stakeout struct {
	stats  *stats
	where  *predicate.Predicate // nil: any
	entry  string
	gone   atomic.Bool                // nobody waits any more
	chosen chan struct{}              // closed when a call waits for the connection
	conn   chan io.ReadWriteCloser    // closed without one when there is none
	done   chan struct{}              // closed when the debugger has left
	lines  func(c *code) *debug.Lines // of the program
}

// AttachGDB waits for a request of the tenant that o chooses, and lets the
// debugger at the end of what connect returns control its call, at whose first
// instruction the program stands. The client waits meanwhile, for ten minutes at
// most; its call takes none of the tenant's slots and none of its time. Nobody
// else notices. It returns when the debugger has left.
func (s *Set) AttachGDB(ctx context.Context, name string, o AttachOptions, connect func() (io.ReadWriteCloser, error)) error {
	wrap := func(err error) error { return fmt.Errorf("attach to guest %q: %w", name, err) }
	t := s.Tenant(name)
	if t == nil {
		return wrap(ErrNoTenant)
	}
	where, err := compileRequest(o.Where)
	if err != nil {
		return wrap(err)
	}
	if o.Entry != "" && !slices.Contains(stageNames[:], o.Entry) {
		return wrap(fmt.Errorf("%w: there is no call %q; there are %v", ErrChoice, o.Entry, stageNames[1:]))
	}
	if o.Wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Wait)
		defer cancel()
	}
	a := &stakeout{stats: t.stats, where: where, entry: o.Entry, chosen: make(chan struct{}), conn: make(chan io.ReadWriteCloser, 1), done: make(chan struct{}), lines: (*code).lines}
	a.wait()
	defer a.leave()
	select {
	case <-a.chosen:
	case <-ctx.Done():
		return wrap(fmt.Errorf("no request came that fits: %w", context.Cause(ctx)))
	}
	conn, err := connect()
	if err != nil {
		return wrap(err)
	}
	a.conn <- conn
	<-a.done
	return nil
}

// ErrChoice is what makes no sense of what was asked.
var ErrChoice = errors.New("no such choice")

// compileRequest compiles a predicate over a request.
func compileRequest(text string) (*predicate.Predicate, error) {
	if text == "" {
		return nil, nil
	}
	node, diags := model.ParseExpression(text, "where")
	if !diags.HasErrors() {
		var p *predicate.Predicate
		if p, diags = predicate.CompileBool(model.Expr{Text: text, Node: node}, predicate.Options{}); !diags.HasErrors() {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrChoice, diags)
}

// wait puts a among those that wait.
func (a *stakeout) wait() { a.stats.look(func(e *eyes) { e.stakes = append(e.stakes, a) }) }

// leave ends the wait, of the debugger and of the request that may have met it.
func (a *stakeout) leave() {
	a.gone.Store(true)
	a.take()
	close(a.conn)
}

// take removes a from those that wait; false when another request has it.
func (a *stakeout) take() (mine bool) {
	a.stats.look(func(e *eyes) {
		if i := slices.Index(e.stakes, a); i >= 0 {
			e.stakes, mine = slices.Delete(e.stakes, i, i+1), true
		}
	})
	return mine
}

// giveUp is for a Run that ended without the call that was waited for.
func (a *stakeout) giveUp() {
	if a == nil {
		return
	}
	if a.wait(); a.gone.Load() {
		a.take() // it left just now
	}
}

// chase looks whether a debugger waits for the request.
func (r *Run) chase(req *message.Request) {
	e := r.tenant.stats.eyes.Load()
	if e == nil || r.chased != nil {
		return
	}
	for _, a := range e.stakes {
		if a.fits(r, req) && a.take() {
			r.chased = a
			if !r.within {
				// Its slot is for others while somebody thinks.
				r.within = true
				r.tenant.release()
			}
			return
		}
	}
}

func (a *stakeout) fits(r *Run, req *message.Request) bool {
	if a.where == nil {
		return true
	}
	return a.where.Eval(&predicate.Env{Req: req, Tenant: r.tenant.model.Name, BodySize: -1, Now: time.Now()})
}

// serve is watch.gdb.
func (a *stakeout) serve(ctx context.Context, v *vm, guest *debug.Guest) (over bool) {
	ctx, cancel := context.WithTimeout(ctx, longestDebug)
	defer cancel()
	close(a.chosen)
	defer close(a.done)
	var conn io.ReadWriteCloser
	select {
	case conn = <-a.conn:
	case <-ctx.Done():
	}
	if conn == nil {
		return false
	}
	over, err := debug.ServeGDB(ctx, conn, guest, a.lines(v.image.code))
	if err != nil {
		v.logf("%v", err)
	}
	return over
}
