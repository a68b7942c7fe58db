package control

import (
	"context"

	"fishplate/internal/crash"
	"fishplate/internal/model"
)

// Builder prepares everything that a new generation needs: it binds, loads,
// compiles and verifies. It registers on t how to undo, commit and drain each
// part as soon as that part is done. An error refuses the configuration; it may
// be a Refusal.
type Builder interface {
	Prepare(ctx context.Context, t *Transaction) error
}

// Transaction is one change on its way. It belongs to the goroutine that runs
// Prepare, and to the Controller afterwards.
type Transaction struct {
	ID      uint64        // number of the generation that it makes
	Next    *model.Config // what is to run
	Running *model.Config // what runs; nil at the start of the process
	Changes []Change      // from Running to Next
	// Unread says that nothing was read again: of what Next has from Running, by
	// pointer, no file needs to be looked at.
	Unread   bool
	try      func(share float64) Tried
	besides  []func()
	warnings []Problem
	aborts   []func()
	commits  []func()
	settles  []func()
	drains   []drain
}

type drain struct {
	what string
	run  func(ctx context.Context) error
}

// OnAbort registers how to undo what was just prepared. The functions run in
// reverse order, and only when a later part of the preparation fails.
func (t *Transaction) OnAbort(undo func()) {
	t.aborts = append(t.aborts, undo)
	crash.At(crash.Preparing)
}

// OnTry registers what lets a part of the preparation be used beside what runs,
// before the commit; OnAbort's function undoes it too.
func (t *Transaction) OnTry(f func()) { t.besides = append(t.besides, f) }

// Try registers how a share of the clients, 0 to 1, is served by what was
// prepared. Without it no change can be tried.
func (t *Transaction) Try(f func(share float64) Tried) { t.try = f }

// OnCommit registers a part of the commit. The functions run in order and
// cannot fail. Requests must notice only one of them: the pointer swap.
func (t *Transaction) OnCommit(f func()) { t.commits = append(t.commits, f) }

// OnSettle registers what lets go of that which the commit set aside, in case it is
// undone: at once behind it, or where it waits to be confirmed, when it is. A
// rollback gives back what it needs, and the rest goes behind that one.
func (t *Transaction) OnSettle(f func()) { t.settles = append(t.settles, f) }

// OnDrain registers what is left to do for the old generation after the
// commit: waiting for its exchanges, giving up its listeners, releasing what
// the new one does not use. The functions run in order in the background; ctx
// ends when the process must stop waiting. An error is logged.
func (t *Transaction) OnDrain(what string, f func(ctx context.Context) error) {
	t.drains = append(t.drains, drain{what, f})
}

// Warn reports something that does not refuse the configuration.
func (t *Transaction) Warn(p Problem) { t.warnings = append(t.warnings, p) }

// Warnings returns what Warn was told.
func (t *Transaction) Warnings() []Problem { return t.warnings }

func (t *Transaction) abort() {
	for i := len(t.aborts) - 1; i >= 0; i-- {
		t.aborts[i]()
		crash.At(crash.Aborting)
	}
}

func (t *Transaction) commit() {
	for _, f := range t.commits {
		f()
		crash.At(crash.Commit)
	}
}

func (t *Transaction) settle() {
	for _, f := range t.settles {
		f()
	}
}

// inside marks the context of a transaction, so that a Builder which asks for
// another one is refused instead of waiting for itself.
type inside struct{}

func within(ctx context.Context) bool { return ctx.Value(inside{}) != nil }
