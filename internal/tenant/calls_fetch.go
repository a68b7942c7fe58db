package tenant

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/tenant/ask"
	"fishplate/internal/tenant/lines"
)

const handleNone = "NONE: no such handle"

func fetchCalls() []Call {
	return []Call{
		{623, "FETCH", "a0 record", "a0 = handle", "INVALID: the record; DENIED: the backend, or a self-request inside three others; LIMIT: the tenant's fetches per call", "20,000 and the lengths",
			"Begins a request and does not wait for it. The record has twelve 64-bit words: method and length (none: GET), URL and length, backend and length, field lines with a newline after each and length, body and length (at most 1 MiB), milliseconds (0: 10,000; at most an hour), flags. " +
				"The URL is a path, or begins with http:// or https:// and a host, which only sets Host. The backend is one of the tenant's `backends`. With flag 1 and no backend the request is routed like one of the client's: a self-request.", sysFetch},
		{624, "FETCH_WAIT", "a0 handle or -1, a1 milliseconds, -1 for ever", "a0 = handle", "TIME: it has not begun; FAILED: it will not; NONE: no such handle, or none is left", "500",
			"Waits for the head of an answer; with -1 for that of any, also of one that failed. It is the same again until it is closed, unless others have begun.", sysFetchWait},
		{625, "FETCH_STATUS", "a0 handle", "a0 = status, 0 before the head", "FAILED; TIME: the fetch's own time is over; " + handleNone, "100", "The status of an answer, or how the fetch failed.", sysFetchStatus},
		{626, "FETCH_FIELD", "a0 handle, a1, a2 name, a3 destination, a4 size", "a0 = length", "NONE: no such field, handle or head", "500 and length", "The value of the first field of that name.", sysFetchField},
		{627, "FETCH_READ", "a0 handle, a1 destination, a2 size, a3 milliseconds, -1 for ever", "a0 = bytes, 0 at the end", "TIME: nothing came, or the fetch's own time is over; FAILED: the body broke off; " + handleNone, "500 and length/16",
			"Takes what has come of the body, at most 64 KiB. What is not taken is not asked for: the other side waits.", sysFetchRead},
		{628, "FETCH_CLOSE", "a0 handle", "a0 = 0", handleNone, "500", "Gives an answer up. The end of the call does that with all that are left.", sysFetchClose},
		{629, "FETCH_HEADERS", "a0 handle, a1 destination, a2 size", "a0 = length", "NONE: no such handle or head", "500 and length", "All fields of an answer as lines, a newline after each.", sysFetchHeaders},
	}
}

// fetchFlagSelf makes a request one that is routed again.
const fetchFlagSelf = 1

const (
	maxMethod  = 32
	maxBackend = 256 // bytes of its name
)

// sysFetch reads the record, checks it, and lets the world outside begin.
func sysFetch(v *vm, p *pacer) error {
	var w [12]uint64
	if err := v.record(w[:]); err != nil {
		return err
	}
	var part [5][]byte // method, URL, backend, fields, body
	v.m.Charge(20_000)
	charge := uint64(0)
	for i, most := range [...]uint64{maxMethod, maxCString, maxBackend, 4 * maxCString, ask.MaxBody} {
		if w[2*i+1] > most { // before the host copies it
			v.code(errInvalid)
			return nil
		}
		b, err := v.buffer(w[2*i], w[2*i+1])
		if err != nil {
			return err
		}
		part[i] = bytes.Clone(b)
		charge += uint64(len(b))
	}
	v.m.Charge(charge)
	q := &ask.Question{Backend: string(part[2]), Self: w[11] == fetchFlagSelf && len(part[2]) == 0, Body: part[4], Time: fetchTime(w[10])}
	if w[11]&^fetchFlagSelf != 0 || w[11] != 0 && !q.Self || !setQuestion(q, part[0], part[1], part[3]) {
		v.code(errInvalid)
		return nil
	}
	// An answer from before must not stand in for one that is asked now, so that
	// nothing is asked of the world before the question is known to be good.
	n, why, err := v.inquire(p, learnFetch, func(_ context.Context, dst []byte) (int64, []byte) {
		n, err := v.fetch(q)
		return n, because(dst, err)
	})
	v.outcome(n, why)
	return err
}

// fetch begins a question that is well-formed. The error says more than the code.
func (v *vm) fetch(q *ask.Question) (int64, error) {
	most := v.image.tenant.Fetches
	var err error
	switch {
	case most == 0:
		err = fmt.Errorf("%w: the tenant has fetches = 0", ask.ErrDenied)
	case v.outside == nil:
		err = fmt.Errorf("%w: there is nobody to ask here", ask.ErrDenied)
	case !q.Self && !slices.Contains(v.image.tenant.Backends, q.Backend):
		err = fmt.Errorf("%w: backend %q is not one of the tenant's", ask.ErrDenied, q.Backend)
	case v.asked.Len() >= most:
		err = fmt.Errorf("%w: the tenant has fetches = %d", ask.ErrLimit, most)
	}
	var a ask.Answer
	if err == nil {
		q.Changed = v.asked.Changed()
		a, err = v.outside.Fetch(q)
	}
	if err != nil {
		v.countFetch(1)
		return codeOf(err), err
	}
	v.countFetch(0)
	return int64(v.asked.Add(a)), nil
}

// because appends what ERROR_TEXT will tell of an error of the world outside.
func because(dst []byte, err error) []byte {
	if err == nil {
		return dst
	}
	return append(dst, strings.TrimPrefix(err.Error(), "ask: ")...)
}

// outcome sets a0 to the code of a question; why is more about it.
func (v *vm) outcome(n int64, why []byte) {
	if n < 0 && len(why) > 0 {
		v.wrong(n, string(why))
		return
	}
	v.code(n)
}

func fetchTime(ms uint64) time.Duration {
	if ms == 0 {
		return ask.DefaultTime
	}
	return time.Duration(min(ms, uint64(ask.MaxTime/time.Millisecond))) * time.Millisecond
}

// setQuestion checks what a guest wrote by the rules that a client's request is
// under.
func setQuestion(q *ask.Question, method, url, fields []byte) bool {
	if q.Method = method; len(method) == 0 {
		q.Method = []byte(http.MethodGet)
	}
	switch string(q.Method) {
	case http.MethodConnect, http.MethodTrace:
		return false
	}
	if !message.ValidName(q.Method) {
		return false
	}
	var ok bool
	if url, ok = cutHost(q, url); !ok {
		return false
	}
	if q.Target, q.Path, q.Query, q.Queried, ok = lines.Target(url); !ok {
		return false
	}
	for line := range bytes.SplitSeq(fields, []byte{'\n'}) {
		if len(line) == 0 {
			continue
		}
		name, value, ok := lines.Field(line)
		if !ok || q.Fields.Len() >= ask.MaxFields {
			return false
		}
		q.Fields.AddBytes(name, value)
	}
	return true
}

// cutHost takes scheme and host off a URL that has them.
func cutHost(q *ask.Question, url []byte) ([]byte, bool) {
	if len(url) > 0 && url[0] == '/' {
		return url, true
	}
	rest, ok := bytes.CutPrefix(url, []byte("http://"))
	if !ok {
		if rest, ok = bytes.CutPrefix(url, []byte("https://")); !ok {
			return nil, false
		}
	}
	host, path := rest, []byte("/")
	if at := bytes.IndexByte(rest, '/'); at >= 0 {
		host, path = rest[:at], rest[at:]
	}
	q.Host, q.Port, ok = http1.ParseHost(host)
	return path, ok
}

func sysFetchWait(v *vm, p *pacer) error {
	v.m.Charge(500)
	handle, d := int64(int32(v.arg(0))), patience(v.arg(1))
	n, why, err := v.inquire(p, learnFetch, func(ctx context.Context, dst []byte) (int64, []byte) {
		if handle == -1 {
			return v.waitAny(ctx, d), dst
		}
		a := v.asked.Get(handle)
		if a == nil {
			return errNone, dst
		}
		if err := v.asked.Wait(ctx, d, func() bool { return ask.Begun(a) }); err != nil {
			return codeOf(err), dst
		}
		if _, _, err := a.Head(); err != nil {
			return errFailed, because(dst, err)
		}
		return handle, dst
	})
	v.outcome(n, why)
	return err
}

func (v *vm) waitAny(ctx context.Context, d time.Duration) int64 {
	handle, open := v.asked.Any()
	if open == 0 {
		return errNone
	}
	if handle < 0 {
		if err := v.asked.Wait(ctx, d, func() bool {
			handle, _ = v.asked.Any()
			return handle >= 0
		}); err != nil {
			return codeOf(err)
		}
	}
	return int64(handle)
}

func sysFetchStatus(v *vm, p *pacer) error {
	v.m.Charge(100)
	handle := int64(int32(v.arg(0)))
	n, why, err := v.inquire(p, learnFetch, func(_ context.Context, dst []byte) (int64, []byte) {
		a := v.asked.Get(handle)
		if a == nil {
			return errNone, dst
		}
		status, _, err := a.Head()
		if err != nil {
			return codeOf(err), because(dst, err)
		}
		return int64(status), dst
	})
	v.outcome(n, why)
	return err
}

// fetchText serves the calls that give a text of an answer's head.
func (v *vm) fetchText(p *pacer, dst, size uint64, text func(out []byte, h *message.Header) ([]byte, bool)) error {
	v.m.Charge(500)
	handle := int64(int32(v.arg(0)))
	n, b, err := v.inquire(p, learnFetch, func(_ context.Context, out []byte) (int64, []byte) {
		if a := v.asked.Get(handle); a != nil {
			if status, h, err := a.Head(); status != 0 && err == nil {
				if out, ok := text(out, h); ok {
					return 0, out
				}
			}
		}
		return errNone, out
	})
	if err != nil || n < 0 {
		v.code(n)
		return err
	}
	return v.give(b, dst, size)
}

func sysFetchField(v *vm, p *pacer) error {
	raw, err := v.buffer(v.arg(1), v.arg(2))
	if err != nil {
		return err
	}
	name := string(raw)
	return v.fetchText(p, v.arg(3), v.arg(4), func(out []byte, h *message.Header) ([]byte, bool) {
		for i := range h.Len() {
			if strings.EqualFold(string(h.Name(i)), name) {
				return append(out, h.Value(i)...), true
			}
		}
		return out, false
	})
}

func sysFetchHeaders(v *vm, p *pacer) error {
	return v.fetchText(p, v.arg(1), v.arg(2), func(out []byte, h *message.Header) ([]byte, bool) {
		for i := range h.Len() {
			out = append(append(out, h.Name(i)...), ": "...)
			out = append(append(out, h.Value(i)...), '\n')
		}
		return out, true
	})
}

func sysFetchRead(v *vm, p *pacer) error {
	v.m.Charge(500)
	handle, to, size, d := int64(int32(v.arg(0))), v.arg(1), v.arg(2), patience(v.arg(3))
	n, b, err := v.inquire(p, learnFetch, func(ctx context.Context, dst []byte) (int64, []byte) {
		a := v.asked.Get(handle)
		if a == nil {
			return errNone, dst
		}
		var why error
		n, dst := readInto(dst, size, func(room []byte) (n int, err error) {
			defer func() { why = err }()
			if late := v.asked.Wait(ctx, d, func() bool {
				n, err = a.Read(room)
				return n > 0 || err != nil || len(room) == 0
			}); late != nil {
				err = late
			}
			return n, err
		})
		if n < 0 {
			dst = because(dst, why)
		}
		return n, dst
	})
	if err != nil || n < 0 {
		v.outcome(n, b)
		return err
	}
	return v.received(n, b, to, 0)
}

// received gives the guest bytes of a body and sets a0.
func (v *vm) received(n int64, b []byte, to uint64, way int) error {
	v.m.Charge(uint64(len(b)) / pieceCost)
	v.countStreamed(way, len(b))
	if err := v.put(to, b, 0); err != nil {
		return err
	}
	v.code(n)
	return nil
}

func sysFetchClose(v *vm, p *pacer) error {
	v.m.Charge(500)
	handle := int64(int32(v.arg(0)))
	n, _, err := v.inquire(p, learnFetch, func(_ context.Context, dst []byte) (int64, []byte) {
		if !v.asked.CloseOne(handle) {
			return errNone, dst
		}
		return 0, dst
	})
	v.code(n)
	return err
}
