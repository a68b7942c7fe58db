package tenant

import "context"

// What calls from 540 on answer in a0 instead of a result (sdk/abi/abi.h has
// them as FP_E_…). Lengths and handles are never negative.
const (
	errNone     = -1 // there is no such thing
	errInvalid  = -2 // an argument, or a text, is not well-formed
	errLimit    = -3 // one of the tenant's limits is reached
	errTime     = -4 // the time that was given is over
	errFailed   = -5 // it was tried and failed
	errDenied   = -6 // the tenant may not
	errConflict = -7 // somebody else was first
	errStage    = -8 // not in this callback
)

// code sets a0 to one of the negative results above.
func (v *vm) code(n int64) {
	if v.bench.code != n {
		v.bench.code, v.bench.text = n, ""
	}
	v.result(uint64(n))
}

// give copies b to the guest's (dst, size) when it fits and sets a0 to its
// length in any case: a caller with too little room knows how much it needs.
func (v *vm) give(b []byte, dst, size uint64) error {
	n, err := uint64(len(b)), error(nil)
	if n <= size {
		err = v.put(dst, b, 1)
	} else {
		err = v.spend(n)
	}
	v.result(n)
	return err
}

// learned is the number of a kind of question to the world outside a program,
// as recordings name it.
type learned uint8

// The kinds of questions. Everything that a program can learn and that is not
// in its image, its registers and its messages is asked through vm.learn.
const (
	learnTime learned = iota + 1
	learnRandom
	learnClient
	learnCache
	learnFetch
	learnBody
	learnStore // key-value storage
	learnRemote
	learnBackends
	learnPurge
	learnHost // what of the host's own state shows: a cache of expressions, a full log
	learnStop // not a question: time or patience ended the call
)

// learn asks the world outside. live is the question itself; in a recorded run
// its answer is kept, and in a repeated one it is not asked: the kept answer is
// given. The answer is valid until the next question.
func (v *vm) learn(ctx context.Context, what learned, live func(context.Context) ([]byte, error)) ([]byte, error) {
	if v.tape == nil {
		return live(ctx)
	}
	return v.tape.ask(ctx, what, live)
}
