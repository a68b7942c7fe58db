package ask

import (
	"context"
	"errors"
	"time"

	"fishplate/internal/message"
)

// What a question can end with instead of an answer.
var (
	ErrDenied = errors.New("ask: not allowed")
	ErrLimit  = errors.New("ask: a limit is reached")
	ErrTime   = errors.New("ask: the time is over")
	ErrFailed = errors.New("ask: no answer")
	ErrStage  = errors.New("ask: not now")
	ErrLeft   = errors.New("ask: the client left")
)

// Bounds of questions.
const (
	MaxBody     = 1 << 20 // bytes of a question's body: it is kept until the answer comes
	MaxFields   = 64
	DefaultTime = 10 * time.Second // of a question that names none
	MaxTime     = time.Hour
	LeftEvery   = 250 * time.Millisecond // how late it may be noticed that a client has left
)

// A Question is a request that a program makes. Its parts were validated and
// are copies.
type Question struct {
	Method  []byte
	Host    []byte // "" is that of the request at hand
	Port    int
	Target  []byte // path and query as they will be sent
	Path    []byte
	Query   []byte
	Queried bool
	Fields  message.Header
	Body    []byte // nil is none
	Backend string // "" with Self
	Self    bool   // it is routed as a client's is
	Time    time.Duration
	// Changed gets a value, if there is room, whenever the Answer has something
	// new.
	Changed chan<- struct{}
}

// An Answer is what comes of a question. No method but Close waits. Its methods
// are called by one goroutine.
type Answer interface {
	// Head returns the status, 0 while it has not come, and the fields, which
	// stay valid until Close. An error says that none will come.
	Head() (status int, fields *message.Header, err error)
	// Read takes what has arrived of the body. 0 with a nil error means that more
	// is to come; io.EOF is its orderly end.
	Read(p []byte) (n int, err error)
	// Deserted reports whether nobody waits any more for what the program makes of
	// it. It is asked every LeftEvery of a wait.
	Deserted() bool
	// Close gives the answer up and returns when nobody works at it any more.
	Close()
}

// A Table has the answers of one call by handle, which are small numbers from 0
// on. The zero value is empty.
type Table struct {
	changed chan struct{}
	list    []Answer // nil where it was closed
	failed  int      // of those that were closed
	next    int      // where Any begins to look, so that no answer is passed over for ever
	left    bool     // a wait has ended since nobody wants what the call makes
}

// Len returns how many questions the call has asked.
func (t *Table) Len() int { return len(t.list) }

// Changed is what questions get as their channel.
func (t *Table) Changed() chan<- struct{} {
	if t.changed == nil {
		t.changed = make(chan struct{}, 1)
	}
	return t.changed
}

// Add keeps an answer and returns its handle.
func (t *Table) Add(a Answer) int {
	t.list = append(t.list, a)
	return len(t.list) - 1
}

// Get returns the answer of a handle, nil when there is none.
func (t *Table) Get(handle int64) Answer {
	if handle < 0 || handle >= int64(len(t.list)) {
		return nil
	}
	return t.list[handle]
}

// Begun reports whether an answer has its head, or will have none.
func Begun(a Answer) bool {
	status, _, err := a.Head()
	return status != 0 || err != nil
}

// Any returns the handle of an answer that has begun, the next one each time; -1 when there is none. open is how many have not been closed.
func (t *Table) Any() (handle, open int) {
	handle = -1
	for i := range t.list {
		at := (t.next + i) % len(t.list)
		a := t.list[at]
		if a == nil {
			continue
		}
		open++
		if handle < 0 && Begun(a) {
			handle = at
		}
	}
	if handle >= 0 {
		t.next = handle + 1
	}
	return handle, open
}

// Wait returns when ready does, or after d, or when ctx ends or the client has
// left (ErrLeft).
func (t *Table) Wait(ctx context.Context, d time.Duration, ready func() bool) error {
	if ready() {
		return nil
	}
	if d <= 0 {
		return ErrTime
	}
	end := time.Now().Add(d) // far away when d is for ever
	timer := time.NewTimer(min(d, LeftEvery))
	defer timer.Stop()
	for {
		select {
		case <-t.changed:
			if ready() {
				return nil
			}
		case <-timer.C:
			if ready() {
				return nil
			}
			if d = time.Until(end); d <= 0 {
				return ErrTime
			}
			if t.deserted() {
				t.left = true
				return ErrLeft
			}
			timer.Reset(min(d, LeftEvery))
		case <-ctx.Done():
			t.left = true
			return ErrLeft
		}
	}
}

func (t *Table) deserted() bool {
	for _, a := range t.list {
		if a != nil {
			return a.Deserted()
		}
	}
	return false
}

// Left reports whether a wait of this call has ended with ErrLeft.
func (t *Table) Left() bool { return t.left }

// CloseOne closes an answer; false means that there is none with that handle.
func (t *Table) CloseOne(handle int64) bool {
	a := t.Get(handle)
	if a == nil {
		return false
	}
	t.list[handle] = nil
	if _, _, err := a.Head(); err != nil {
		t.failed++
	}
	a.Close()
	return true
}

// Close closes all that are left, empties the table and returns how many answers
// never came.
func (t *Table) Close() (failed int) {
	for i := range t.list {
		t.CloseOne(int64(i))
	}
	clear(t.list)
	t.list, t.next, t.left = t.list[:0], 0, false
	select {
	case <-t.changed: // of an answer that is gone
	default:
	}
	failed, t.failed = t.failed, 0
	return failed
}
