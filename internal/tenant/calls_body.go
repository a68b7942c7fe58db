package tenant

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

const (
	askDoc = "A program asks a backend of its own list, or its own site, in the middle of a call. Up to `fetches` requests of one call may be asked (8 when there is no such limit), all at once; each has a time of its own, and the end of the call ends those that are left. " +
		"While a program waits it holds no permit to compute, and the wait does not count to its `time`. Of each answer at most 64 KiB lie in the host before the program takes them."
	bodyDoc = "A forge decided by FORGE_STREAM takes the client's body and gives its own by pieces, so that neither has to fit in memory. It need not begin an answer: then a0–a4 are one, as for BACKEND_DECISION. " +
		"Once it has begun one, BERESP is no more, on_backend_response is not called, and a fault breaks the connection off, as a server's would. Waits are as those for FETCH."
)

// A flow is the answer that a forge sends by pieces.
type flow struct {
	on    bool // FORGE_STREAM decided it
	begun bool
	resp  *message.Response
	terms *Terms // of the Run
	left  int64  // bytes that a declared length still allows; -1 without one
	buf   []byte // what is being sent
	bare  bool   // what is written is dropped: the answer has no body
}

func bodyCalls() []Call {
	return []Call{
		{680, "FORGE_STREAM", "a0 1 = cached, a1 function, a2 argument", "", "as BACKEND_DECISION", "", "As BACKEND_DECISION, but function(argument, 0, 0) begins before the body of the request has come. Stops.", sysForgeStream},
		{681, "BODY_READ", "a0 destination, a1 size, a2 milliseconds, -1 for ever", "a0 = bytes, 0 at the end", "TIME; FAILED: the client broke off or was too slow; LIMIT: the route's limit; STAGE: not such a forge", "500 and length/16",
			"Takes the next bytes of the request's body, at most 64 KiB. What is not taken, the client does not get rid of.", sysBodyRead},
		{682, "RESPONSE_BEGIN", "a0 status, a1, a2 media type, a3 flags, a4 length", "a0 = 0", "INVALID: status not within 200–599, media type, flags; STAGE: not such a forge, or begun before; FAILED: the client left", "2000",
			"Sends the head, with the fields that were appended to BERESP. With flag 1 the body has that many bytes; else its end is told by the framing.", sysResponseBegin},
		{683, "BODY_WRITE", "a0, a1 bytes", "a0 = length", "FAILED: the client left; LIMIT: more than was declared, and nothing is sent; STAGE: no answer was begun", "500 and length/16",
			"Sends the next bytes of the answer and returns when there is room for more. After HEAD and with 204 and 304 they are dropped.", sysBodyWrite},
		{684, "BODY_LENGTH", "", "a0 = length", "NONE: it was not declared; STAGE: not such a forge", "100", "The length of the request's body, if the client declared it.", sysBodyLength},
	}
}

func sysForgeStream(v *vm, p *pacer) error {
	v.decision.stream = v.stage == stageRecv
	return sysForge(v, p)
}

// streams reports whether bodies go by pieces here, and says so if not.
func (v *vm) streams() bool {
	if v.stage != stageForge || !v.flow.on {
		v.code(errStage)
		return false
	}
	return true
}

func sysBodyLength(v *vm, p *pacer) error {
	v.m.Charge(100)
	if !v.streams() {
		return nil
	}
	n, _, err := v.inquire(p, learnBody, func(_ context.Context, dst []byte) (int64, []byte) {
		if v.outside == nil {
			return errNone, dst
		}
		return v.outside.BodyLength(), dst // -1 is errNone
	})
	v.code(n)
	return err
}

func sysBodyRead(v *vm, p *pacer) error {
	v.m.Charge(500)
	if !v.streams() {
		return nil
	}
	to, size, d := v.arg(0), v.arg(1), patience(v.arg(2))
	n, b, err := v.inquire(p, learnBody, func(_ context.Context, dst []byte) (int64, []byte) {
		if v.outside == nil {
			return 0, dst
		}
		return readInto(dst, size, func(room []byte) (int, error) { return v.outside.ReadBody(room, d) })
	})
	if err != nil {
		return err
	}
	return v.received(n, b, to, 0)
}

// sysResponseBegin makes the head and lets it be sent.
func sysResponseBegin(v *vm, p *pacer) error {
	v.m.Charge(2000)
	if !v.streams() {
		return nil
	}
	status, flags, length := int(int32(v.arg(0))), v.arg(3), int64(v.arg(4))
	kind, err := v.buffer(v.arg(1), v.arg(2))
	if err != nil {
		return err
	}
	switch {
	case v.flow.begun:
		v.code(errStage)
		return nil
	case status < 200 || status > 599 || !message.ValidValue(kind) || len(kind) > 1024 || flags > 1 || flags == 1 && length < 0:
		v.code(errInvalid)
		return nil
	}
	resp := v.flow.resp
	resp.Status, resp.Reason = status, []byte(http.StatusText(status))
	resp.Framing, resp.Length, v.flow.left = message.Chunked, 0, -1
	if flags == 1 {
		resp.Framing, resp.Length, v.flow.left = message.Length, length, length
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		resp.Framing, resp.Length, v.flow.bare = message.NoBody, 0, true
	}
	if len(kind) > 0 && !v.flow.bare {
		resp.Header.Set("Content-Type", string(bytes.Clone(kind)))
	}
	v.flow.bare = v.flow.bare || string(v.req.Request().Method) == http.MethodHead
	v.flow.begun = true
	// The head is the exchange's from here on, and so are the terms.
	v.views[whereBeresp] = nil
	v.res.Detach()
	v.flow.terms.overlay(&v.terms)
	n, _, err := v.inquire(p, learnBody, func(_ context.Context, dst []byte) (int64, []byte) {
		if v.outside == nil {
			return errDenied, dst
		}
		return codeOf(v.outside.Begin(resp)), dst
	})
	v.code(n)
	return err
}

func sysBodyWrite(v *vm, p *pacer) error {
	n := v.arg(1)
	v.m.Charge(500 + n/pieceCost)
	if _, err := v.buffer(v.arg(0), n); err != nil {
		return err
	}
	f := &v.flow
	switch {
	case v.stage != stageForge || !f.begun:
		v.code(errStage)
		return nil
	case f.left >= 0 && int64(n) > f.left && !f.bare:
		v.code(errLimit)
		return nil
	}
	for done := 0; done < int(n) && !f.bare; {
		b, err := v.buffer(v.arg(0), n) // where it is now
		if err != nil {
			return err
		}
		rest := b[done:]
		// A copy, since the machine may lend its memory away while the client is slow.
		f.buf = append(f.buf[:0], rest[:min(len(rest), maxTold)]...)
		code, _, err := v.inquire(p, learnBody, func(_ context.Context, dst []byte) (int64, []byte) {
			if v.outside == nil {
				return errFailed, dst
			}
			return codeOf(v.outside.Write(f.buf)), dst
		})
		if err != nil || code < 0 {
			v.code(code)
			return err
		}
		v.tape.sent(f.buf)
		done += len(f.buf)
		v.countStreamed(1, len(f.buf))
		if f.left >= 0 {
			f.left -= int64(len(f.buf))
		}
	}
	v.result(n)
	return nil
}

// streamed ends a forge that sent its answer by pieces.
func (r *Run) streamed(v *vm) *message.Fault {
	if v.flow.left > 0 && !v.flow.bare {
		return r.failed(v, &trap{cause: "guest-response", text: fmt.Sprintf("answer is %d bytes shorter than it was declared", v.flow.left)})
	}
	r.tenant.stats.add(metrics.TenantAnswers, 1)
	return nil
}

func (v *vm) countStreamed(way, n int) { v.image.stats.add(metrics.TenantStreamed+way, int64(n)) }
