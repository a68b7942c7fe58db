package fishplate

import (
	"io"
	"strings"
	"time"
	"unsafe"
)

// Fetch is a request of the program's own.
type Fetch struct {
	Method  string // "" is GET
	URL     string
	Backend string // one of the tenant's; "" is this server, as a client would ask it
	Header  map[string]string
	Body    []byte
	Timeout time.Duration // of the whole; 0 is 10 seconds
}

// Start begins the request; several run in parallel. ErrDenied: the backend is
// none of the tenant's, or this is the fourth self-request inside another;
// ErrLimit: the tenant's fetches per call; ErrInvalid: a field, method or target
// that is none.
func (f Fetch) Start() (*Fetched, error) {
	if f.Method == "" {
		f.Method = "GET"
	}
	var fields strings.Builder
	for name, value := range f.Header {
		fields.WriteString(name + ": " + value + "\n")
	}
	h, self := fields.String(), flag(f.Backend == "")
	n, err := count(record(SysFetch, uintptr(start(f.Method)), uintptr(len(f.Method)), uintptr(start(f.URL)), uintptr(len(f.URL)),
		uintptr(start(f.Backend)), uintptr(len(f.Backend)), uintptr(start(h)), uintptr(len(h)), uintptr(first(f.Body)), uintptr(len(f.Body)), ms(f.Timeout), self))
	if err != nil {
		return nil, err
	}
	return &Fetched{ID: n}, nil
}

// Do begins the request and waits for the head of its answer.
func (f Fetch) Do() (*Fetched, error) {
	r, err := f.Start()
	if err == nil {
		err = r.Wait(-1)
	}
	if err != nil && r != nil {
		_ = r.Close()
		return nil, err
	}
	return r, err
}

// Fetched is a request under way, and the answer to it. As an io.Reader it gives
// the answer's body.
type Fetched struct {
	ID int // as WaitAny gives it
}

// Wait waits so long, below 0 for ever, for the head of the answer. ErrTime: it
// has not come; ErrFailed: it will not.
func (f *Fetched) Wait(d time.Duration) error {
	return done(Call(SysFetchWait, uintptr(f.ID), patience(d)))
}

// WaitAny waits for the head of any answer and returns its ID. ErrNone: no request
// is left.
func WaitAny(d time.Duration) (int, error) {
	return count(Call(SysFetchWait, ^uintptr(0), patience(d)))
}

// patience is milliseconds, -1 for ever.
func patience(d time.Duration) uintptr {
	if d < 0 {
		return ^uintptr(0)
	}
	return ms(d)
}

// Status returns the status, 0 before the head is there.
func (f *Fetched) Status() int { return max(0, Call(SysFetchStatus, uintptr(f.ID))) }

// Value returns the value of the first field of that name. ErrNone: there is none,
// or no head yet.
func (f *Fetched) Value(name string) (string, error) {
	return text(func(b []byte) int {
		return Call(SysFetchField, uintptr(f.ID), uintptr(start(name)), uintptr(len(name)), uintptr(first(b)), uintptr(len(b)))
	})
}

// Headers returns all fields, a line each. ErrNone: there is no head yet.
func (f *Fetched) Headers() (string, error) { return ask(SysFetchHeaders, uintptr(f.ID)) }

// Read reads the body. io.EOF is its end; ErrTime: the time of the request is
// over; ErrFailed: it broke off.
func (f *Fetched) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := Call(SysFetchRead, uintptr(f.ID), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), ^uintptr(0))
	return piece(n)
}

// Body reads all of it, up to max bytes: ErrLimit when it is longer.
func (f *Fetched) Body(max int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, int64(max)+1))
	if err == nil && len(b) > max {
		return nil, ErrLimit
	}
	return b, err
}

// Close gives up what is left of it.
func (f *Fetched) Close() error { return done(Call(SysFetchClose, uintptr(f.ID))) }

// piece is the result of a Read.
func piece(n int) (int, error) {
	switch {
	case n == 0:
		return 0, io.EOF
	case n < 0:
		return 0, failure(n)
	}
	return n, nil
}
