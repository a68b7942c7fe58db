package tenant

// A program that asks for requests in a loop, rather than registering functions,
// is frozen inside that call, and every fork goes on from it with a request. It
// suits languages whose functions cannot be called from outside, like Go.

// Events are what NEXT answers: the number of a callback, whose arguments come
// along, or eventForge for the function that FORGE names. Any other below
// eventLimit is one that REGISTER_FUNC named in the place of a function.
const (
	eventForge = 32
	eventLimit = 64 // below all addresses of functions
)

// event is what the program has not asked for yet.
type event struct {
	due  bool
	kind uint64
	args [3]uint64
	line []byte // what it wrote of a line, when pieces are collected
}

func nextCalls() []Call {
	return []Call{
		{560, "NEXT", "in main a0 bits: the callbacks that are wanted, 1<<index; else a0 = the text of a named function, or 0", "a0 = index of the callback, 32 for a forge, 33–63 for a named function; a1–a3 = its arguments", "", "",
			"Asks for the next thing to do; a0 is unchanged in a program that did not begin with it. In main: the program is ready for requests, in place of SET_DECISION, and every request is answered by a copy of it that goes on here. " +
				"Decisions stop as in a callback; when there is more to do for the request, the copy goes on behind the decision and asks again. " +
				"A forge is decided on by BACKEND_DECISION or FORGE_STREAM with function 32 and any argument, and answered by BACKEND_DECISION with the response in a0–a4; one that was begun by pieces ends when the program asks again. Named functions are registered with numbers from 33 to 63. Such a program cannot pause.", sysNext},
	}
}

func sysNext(v *vm, _ *pacer) error {
	if v.stage == stageStart {
		wanted := v.arg(0)
		for i := range v.callbacks {
			if wanted>>i&1 != 0 {
				v.callbacks[i] = uint64(i)
			}
		}
		v.loops, v.idle, v.waiting = true, true, true
		return errStop
	}
	if !v.loops {
		return nil // unknown to it, like any number that is not served
	}
	if !v.event.due {
		v.idle = true
		return errStop
	}
	v.happen()
	return nil
}

// happen answers NEXT with the event.
func (v *vm) happen() {
	v.event.due, v.idle = false, false
	v.m.X[10] = v.event.kind
	copy(v.m.X[11:14], v.event.args[:])
}

// happens reports whether fn is no function but an event of a looping program,
// and enters it: the program goes on where it stopped, on its own stack.
func (v *vm) happens(fn uint64, args [3]uint64) bool {
	if !v.loops || fn >= eventLimit {
		return false
	}
	v.m.X[2] = v.homeSP
	v.event = event{due: true, kind: fn, args: args, line: v.event.line}
	if v.idle {
		v.happen()
	}
	return true
}

// lend puts bytes above the mappings and returns their address, 0 for none: the
// stack of a looping program is not known to have room.
func (v *vm) lend(b []byte) (uint64, error) {
	if len(b) == 0 {
		return 0, nil
	}
	at := v.mmapNext
	if err := v.store(at, b); err != nil {
		return 0, err
	}
	v.mmapNext += pageUp(uint64(len(b)) + 1) // with a NUL behind it
	return at, nil
}
