package tenant

import (
	"context"
	"encoding/binary"

	"fishplate/internal/metrics"
	"fishplate/riscv"
)

func storageCalls() []Call {
	return []Call{
		{507, "REMOTECALL", "a0 function, a1–a4 its arguments", "a0–a3 as the function left them", "a0 = -1 in the storage machine; a fault or a time-out there ends the call", "4000 and the function's own; 256 for each page beyond 32 that is shown", "Calls function(a1, a2, a3, a4) in the storage machine, which sees the caller's heap, stack and mappings at their addresses. Continues at ra, not behind the call.", sysRemoteCall},
		{508, "REMSTRCALL", "a0 trampoline, a1 function, a2 data, a3 length", "a0 text in the native heap, a1 length", "an empty text in the storage machine, without trampoline or data, or for a negative length; a fault or a time-out there ends the call", "4000 and the functions' own", "Calls trampoline(function, copy of data, length) in the storage machine. At its first STOP a0, a1 are the result, which is copied to the caller; then it is continued for 64,000 instructions to clean up.", sysRemoteText},
	}
}

// remote does something in the storage machine for v. Its answer is what v
// learned: instructions spent, eight bytes, and what do returns.
//
// The permit is given back first: nobody who has one waits for a turn, so that
// whoever has the turn and needs a permit gets it.
func (v *vm) remote(pace *pacer, do func(context.Context, *storage, []byte) ([]byte, uint64, error)) ([]byte, error) {
	answer, err := v.learn(pace.ctx, learnRemote, func(ctx context.Context) ([]byte, error) {
		pace.letGo()
		s, err := v.image.storage.enter(ctx, v.taken.Add(v.image.tenant.Time))
		if err != nil {
			return nil, err
		}
		defer s.leave()
		b, spent, err := do(ctx, s, make([]byte, 8, 64))
		if err != nil {
			v.image.count(metrics.TenantInstructions, int64(spent))
			return nil, err
		}
		binary.LittleEndian.PutUint64(b, spent)
		return b, nil
	})
	if err != nil {
		return nil, err
	}
	v.m.Charge(binary.LittleEndian.Uint64(answer) + remoteCost)
	return answer[8:], nil
}

func sysRemoteCall(v *vm, pace *pacer) error {
	if v.isStorage() {
		v.result(^uint64(0))
		v.m.SkipCall()
		v.m.PC = v.m.X[1]
		return nil
	}
	answer, err := v.remote(pace, v.remoteCall)
	if err != nil {
		return err
	}
	for i := range 4 {
		v.m.X[10+i] = binary.LittleEndian.Uint64(answer[8*i:])
	}
	for p := answer[32:]; len(p) >= riscv.LoanRecord; p = p[riscv.LoanRecord:] {
		if err := v.store(binary.LittleEndian.Uint64(p), p[8:riscv.LoanRecord]); err != nil {
			return err
		}
	}
	v.m.SkipCall()
	v.m.PC = v.m.X[1] // wrappers are functions that end with the call
	return nil
}

// remoteCall calls the function that v's registers name, with v's memory in
// sight. The answer is four registers and the pages that changed.
func (v *vm) remoteCall(ctx context.Context, s *storage, answer []byte) ([]byte, uint64, error) {
	fn, err := translate(v.image, s.image, v.arg(0))
	if err != nil {
		return nil, 0, err
	}
	low := max(v.image.program.HeapStart, s.image.program.HeapStart)
	pages, err := s.v.m.Mem.Borrow(v.m.Mem, low, min(v.mmapEnd, s.v.brkBase))
	if err != nil {
		return nil, 0, trapf("show the caller's memory: %v", err)
	}
	spent, err := s.call(ctx, v.taken, fn, v.arg(1), v.arg(2), v.arg(3), v.arg(4))
	for i := range 4 {
		answer = binary.LittleEndian.AppendUint64(answer, s.v.arg(i))
	}
	answer = s.v.m.Mem.Return(answer)
	return answer, spent + uint64(max(pages-32, 0))*256, err
}

func sysRemoteText(v *vm, pace *pacer) error {
	n := int32(v.arg(3))
	if v.isStorage() || v.arg(0) == 0 || v.arg(2) == 0 || n < 0 {
		v.m.X[10], v.m.X[11] = 0, 0
		return nil
	}
	data, err := v.buffer(v.arg(2), uint64(n))
	if err != nil {
		return err
	}
	text, err := v.remote(pace, func(ctx context.Context, s *storage, answer []byte) ([]byte, uint64, error) {
		return v.remoteText(ctx, s, data, answer)
	})
	if err != nil {
		return err
	}
	v.m.Charge(uint64(len(text)))
	at, ok := v.heap.Alloc(uint64(len(text)) + 1)
	if !ok {
		return &trap{cause: "guest-memory", text: "no room in the heap for what the storage returned"}
	}
	if err := v.store(at, append(text, 0)); err != nil {
		return err
	}
	v.m.X[10], v.m.X[11] = at, uint64(len(text))
	return nil
}

// remoteText calls the trampoline that v's registers name with a copy of data.
func (v *vm) remoteText(ctx context.Context, s *storage, data, answer []byte) ([]byte, uint64, error) {
	trampoline, err := translate(v.image, s.image, v.arg(0))
	if err != nil {
		return nil, 0, err
	}
	fn := v.arg(1)
	if fn != 0 {
		if fn, err = translate(v.image, s.image, fn); err != nil {
			return nil, 0, err
		}
	}
	at, err := s.put(data)
	if err != nil {
		return nil, 0, err
	}
	defer s.v.heap.Free(at)
	spent, err := s.call(ctx, v.taken, trampoline, fn, at, uint64(len(data)))
	if err != nil {
		return nil, spent, err
	}
	text, err := s.v.buffer(s.v.arg(0), uint64(uint32(s.v.arg(1))))
	if err != nil {
		return nil, 0, s.v.storageTrap(err)
	}
	answer = append(answer, text...)
	// What follows is the program's own tidying; how it ends is of no interest.
	s.v.limit = s.v.m.Instret + cleanupBudget
	more, _ := s.run(ctx, v.taken)
	return answer, spent + more, nil
}

// put copies bytes and a NUL to a block of the storage's native heap.
func (s *storage) put(data []byte) (uint64, error) {
	at, ok := s.v.heap.Alloc(uint64(len(data)) + 1)
	if !ok {
		return 0, &trap{cause: "guest-memory", text: "storage: no room in the heap"}
	}
	w, err := s.v.window(at, uint64(len(data))+1)
	if err != nil {
		s.v.heap.Free(at)
		return 0, s.v.storageTrap(err)
	}
	w[copy(w, data)] = 0
	return at, nil
}

const storageDoc = "A program has one more machine, in which main runs first, with RISCV_MODE=storage, and which lives until an update. Calls into it are served one at a time, in order of arrival; " +
	"each has the budget and the memory limit of a call, and the time of the caller, the wait included. It has no request: the calls about messages end the call, those that ask others give FP_E_STAGE. " +
	"Of a caller with the wider room for mappings, which programs of Go's own toolchain need, it sees what lies below its own heap, 2 GiB; such programs pass numbers in registers or texts by REMSTRCALL. " +
	"on_live_update runs in a copy of the machine: when the new program does not take the state, the old storage is as it was."
