package tenant

import (
	"context"

	"fishplate/internal/message"
	"fishplate/riscv"
)

// Steering is what a Run may ask about the ways that its request can go, and
// about the tenant's own part of the cache. Its methods are called in the middle
// of a call of the program, on the goroutine of that call, and must not wait for
// long.
type Steering interface {
	// BackendState counts a backend's servers, and those that take requests.
	BackendState(backend string) (up, all int)
	// ServerState says whether a backend has the server, and whether it takes requests.
	ServerState(backend, server string) (up, known bool)
	// PurgeURL removes what is stored for the request's URL; ok is false when the
	// request has no part of the tenant's own in a cache.
	PurgeURL(ctx context.Context, req *message.Request) (objects int, ok bool)
	// PurgeTag removes what carries the tag, or makes it stale.
	PurgeTag(ctx context.Context, tag []byte, soft bool) (objects int, ok bool)
	// Ban puts an expression into the list, for the tenant's own part.
	Ban(expression string) error
}

// Steer says whom the program asks. Without one it finds nothing.
func (r *Run) Steer(s Steering) { r.steers = s }

// held is a call that decided with pause: where it goes on.
type held struct {
	registers riscv.Registers
	pc        uint64
}

// decides reports whether the present callback may decide how the request goes
// on.
func (v *vm) decides() bool {
	switch v.stage {
	case stageRecv, stageHit, stageMiss, stageFetch:
		return true
	}
	return false
}

// pause keeps the call that is deciding, for the words whose step has an end
// after which it makes sense to go on.
func (v *vm) pause() {
	switch v.decision.word {
	case "", "hash", "lookup", "pass", "synth":
	default:
		return
	}
	if v.stage == stageRecv {
		v.held = &held{registers: v.m.Save(), pc: v.m.PC + 4}
	}
}

// chosen puts the backend and the server that the program chose into d.
func (r *Run) chosen(v *vm, d *Decision) {
	if i := v.decision.backend; i >= 0 {
		d.Backend, d.Server = r.tenant.model.Backends[i], v.decision.server
	}
}

// readsRequest reports whether a callback can only read the request.
func (s stage) readsRequest() bool {
	switch s {
	case stageForge, stageResponse, stageError, stageNamed:
		return true
	}
	return false
}
