package thread

// Limit is how many threads a program may have at a time, the first included.
// Programs of the original host had 50; a Go program's runtime makes one for
// each call that might block, so there is room for those.
const Limit = 256

// First is the number of the thread that a program starts with. It is not 0
// because C libraries take 0 for "nobody holds this lock".
const First = 1

// Never is the time of a wait that has no end.
const Never = int64(1<<63 - 1)

type state uint8

const (
	ready state = iota // runs, or may
	waits              // for a word, a time, or both
)

// Thread is one thread. The fields belong to the owner of the table.
type Thread[R any] struct {
	ID      int32
	Context R      // while the thread does not run
	Result  uint64 // what its wait answers, when Answer is set
	Answer  bool   // the thread waited: Result is due
	Clear   uint64 // address of the word to clear when it ends; 0 for none
	Robust  uint64 // head of its list of robust locks; 0 for none
	Mask    uint64 // signals that it blocks
	Pending uint64 // signals that wait for it

	AltBase, AltSize uint64 // its stack for signal handlers; size 0 for none

	state state
	word  uint64 // waited for; 0 for a sleep
	bits  uint32
	until int64
	turn  uint64 // order of waiting
}

// Table is the threads of one program. The zero value is a program that never
// made one.
type Table[R any] struct {
	list    []Thread[R] // in order of age
	current int         // index of the one that runs
	made    int32       // threads made so far, the first not counted
	turns   uint64
	home    int32 // number of the thread that host calls enter
}

// Copy makes t what from is. Memory of t is used again.
func (t *Table[R]) Copy(from *Table[R]) {
	list := t.list
	clear(list)
	*t = *from
	t.list = append(list[:0], from.list...)
}

// Many reports whether there is more than one thread.
func (t *Table[R]) Many() bool { return len(t.list) > 1 }

// Used reports whether the program ever made a thread.
func (t *Table[R]) Used() bool { return t.made > 0 }

// Len is the number of threads.
func (t *Table[R]) Len() int { return max(len(t.list), 1) }

// Self is the thread that runs. It is valid until the next Spawn or Exit.
func (t *Table[R]) Self() *Thread[R] {
	if len(t.list) == 0 {
		t.list = append(t.list, Thread[R]{ID: First})
		t.home = First
	}
	return &t.list[t.current]
}

// ID is the number of the thread that runs.
func (t *Table[R]) ID() int32 {
	if len(t.list) == 0 {
		return First
	}
	return t.list[t.current].ID
}

// Find returns the thread with that number, or nil. 0 is the first one, which
// learned that number as its own when it asked before it had others beside it.
func (t *Table[R]) Find(id int32) *Thread[R] {
	if id == 0 {
		id = First
	}
	t.Self()
	if i := t.index(id); i >= 0 {
		return &t.list[i]
	}
	return nil
}

func (t *Table[R]) index(id int32) int {
	for i := range t.list {
		if t.list[i].ID == id {
			return i
		}
	}
	return -1
}

// Spawn adds a thread that is ready and will begin with context r, or returns
// nil when there are Limit. The current one goes on. The pointer is valid until
// the next Spawn or Exit.
func (t *Table[R]) Spawn(r R) *Thread[R] {
	mask := t.Self().Mask
	if len(t.list) >= Limit {
		return nil
	}
	t.made++
	t.list = append(t.list, Thread[R]{ID: First + t.made, Context: r, Mask: mask})
	return &t.list[len(t.list)-1]
}

// Settle makes the current thread the one that Home returns to.
func (t *Table[R]) Settle() {
	if len(t.list) > 0 {
		t.home = t.list[t.current].ID
	}
}

// AtHome reports whether the thread that runs is the one of the last Settle.
func (t *Table[R]) AtHome() bool { return t.Self().ID == t.home }

// Home makes the thread of the last Settle run, whatever it waits for, and
// reports whether that is another one than ran: then its context has to be put
// on the hart, and the one on the hart belongs in *left, unless left is nil
// because that thread is gone.
func (t *Table[R]) Home() (left, now *Thread[R], changed bool) {
	i := t.index(t.home)
	if i < 0 || i == t.current {
		if len(t.list) > 0 {
			t.wake(t.current)
			t.list[t.current].Answer = false
		}
		return nil, nil, false
	}
	left, now = &t.list[t.current], &t.list[i]
	t.current = i
	t.wake(i)
	now.Answer = false
	return left, now, true
}

func (t *Table[R]) wake(i int) {
	th := &t.list[i]
	th.state, th.word, th.until = ready, 0, Never
}

// Wait makes the current thread wait for a Wake of word, or for the time. Word
// 0 is a sleep. Its wait answers timeout when the time comes.
func (t *Table[R]) Wait(word uint64, bits uint32, until int64, timeout uint64) {
	th := t.Self()
	t.turns++
	th.state, th.word, th.bits, th.until, th.turn = waits, word, bits, until, t.turns
	th.Result, th.Answer = timeout, true
}

// Wake makes at most n threads ready that wait for word with a bit in common,
// those that wait longest first, and returns how many. Their waits answer 0.
func (t *Table[R]) Wake(word uint64, n int, bits uint32) int {
	woken := 0
	for woken < n {
		i := t.longest(word, bits)
		if i < 0 {
			break
		}
		t.wake(i)
		t.list[i].Result = 0
		woken++
	}
	return woken
}

// WakeWith makes the thread ready that waits longest for word, and reports
// whether there was one. Its wait answers n.
func (t *Table[R]) WakeWith(word, n uint64) bool {
	i := t.longest(word, ^uint32(0))
	if i < 0 {
		return false
	}
	t.wake(i)
	t.list[i].Result = n
	return true
}

// Requeue makes at most n threads that wait for word wait for another one.
func (t *Table[R]) Requeue(word, to uint64, n int) int {
	moved := 0
	for moved < n && word != to {
		i := t.longest(word, ^uint32(0))
		if i < 0 {
			break
		}
		t.list[i].word = to
		moved++
	}
	return moved
}

// longest returns the thread that waits longest for word, or -1.
func (t *Table[R]) longest(word uint64, bits uint32) int {
	best := -1
	for i := range t.list {
		th := &t.list[i]
		if th.state == waits && th.word == word && word != 0 && th.bits&bits != 0 && (best < 0 || th.turn < t.list[best].turn) {
			best = i
		}
	}
	return best
}

// Interrupt makes a thread ready whose wait is cut short; it answers result.
func (t *Table[R]) Interrupt(th *Thread[R], result uint64) {
	if th.state == waits {
		th.state, th.word, th.until = ready, 0, Never
		th.Result = result
	}
}

// Timed reports whether a thread waits for a time.
func (t *Table[R]) Timed() bool {
	_, ok := t.Earliest()
	return ok
}

// Earliest is the time at which the next wait ends.
func (t *Table[R]) Earliest() (at int64, ok bool) {
	at = Never
	for i := range t.list {
		if t.list[i].state == waits {
			at = min(at, t.list[i].until)
		}
	}
	return at, at != Never
}

// Expire makes those ready whose time has come.
func (t *Table[R]) Expire(now int64) {
	for i := range t.list {
		if t.list[i].state == waits && t.list[i].until <= now {
			t.wake(i)
		}
	}
}

// Ready reports whether another thread than the current one may run.
func (t *Table[R]) Ready() bool {
	for i := range t.list {
		if i != t.current && t.list[i].state == ready {
			return true
		}
	}
	return false
}

// Next gives the turn to the next thread that is ready, in order of age from
// the current one on, which comes last. It returns the one that had the turn
// and the one that has it: the same when nobody else is ready. ok is false when
// nobody is ready at all.
func (t *Table[R]) Next() (left, now *Thread[R], ok bool) {
	for k := 1; k <= len(t.list); k++ {
		i := (t.current + k) % len(t.list)
		if t.list[i].state == ready {
			left, now = &t.list[t.current], &t.list[i]
			t.current = i
			return left, now, true
		}
	}
	return nil, nil, false
}

// Exit removes the current thread and reports whether any is left. The current
// one is then any other; Next must follow, and what it says was left is not to
// be saved to.
func (t *Table[R]) Exit() bool {
	if len(t.list) <= 1 {
		return false
	}
	i := t.current
	copy(t.list[i:], t.list[i+1:])
	clear(t.list[len(t.list)-1:])
	t.list = t.list[:len(t.list)-1]
	// The thread after the one that is gone has the next turn.
	t.current = (i - 1 + len(t.list)) % len(t.list)
	return true
}
