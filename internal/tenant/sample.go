package tenant

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"

	"fishplate/internal/message"
)

// sample is what a Run leaves for a shadow: the request as it came, and what the
// program made of it. Everything in it is copied.
type sample struct {
	shadow     *shadow // that asked for it
	id, target string
	arg        string
	before     message.Request

	decision string // as decided makes it
	after    string // the request after on_recv

	made   bool // the program made an answer:
	body   []byte
	status int
	fields string
	answer string
	fault  string

	delivers  bool // there was an on_deliver:
	response  message.Response
	delivered string
}

// sampled begins a sample when the tenant's shadow wants one.
func (r *Run) sampled(s *shadow, req *message.Request, arg string) {
	if !s.picks() {
		return
	}
	x := &sample{shadow: s, arg: arg, target: string(req.Method) + " " + string(req.Target)}
	if n := r.notes; n != nil {
		if n.id == [8]byte{} {
			_, _ = rand.Read(n.id[:]) // it does not fail
		}
		x.id = hex.EncodeToString(n.id[:])
	}
	copyRequest(&x.before, req)
	r.sample = x
}

func copyRequest(dst, src *message.Request) {
	h := dst.Header
	*dst = *src
	dst.Header = h
	dst.Header.CopyFrom(&src.Header)
	for _, b := range []*[]byte{&dst.Method, &dst.Target, &dst.Host, &dst.Path, &dst.Query, &dst.Upgrade} {
		*b = bytes.Clone(*b)
	}
	if src.Conn != nil {
		c := *src.Conn
		dst.Conn = &c
	}
}

// OnRecv calls on_recv(REQ, -1, arg) in a fresh fork and says what it decided.
// The program's edits are made to req in place; the texts are copies, so they
// stay valid after Release. A fault leaves req as it was.
func (r *Run) OnRecv(ctx context.Context, req *message.Request, arg string) (d Decision, f *message.Fault) {
	r.chase(req)
	if t := r.open(&heard{way: wayRecv, a: arg, req: req}); t != nil {
		defer func() { t.close(&d, f, req, nil, nil) }()
	}
	candidate := r.tenant.shadow.Load()
	if candidate == nil {
		return r.onRecv(ctx, req, arg)
	}
	r.sampled(candidate, req, arg)
	d, f = r.onRecv(ctx, req, arg)
	if x := r.sample; x != nil {
		x.decision, x.after = decided(d, f), requestText(req)
	}
	return d, f
}

// Answer makes the response of an Answer decision: on_synth(REQ, RESP) fills it
// if the program registered that, else it is the bare status. The caller has
// emptied resp. The body is valid until Release.
func (r *Run) Answer(ctx context.Context, d Decision, req *message.Request, resp *message.Response) (body []byte, f *message.Fault) {
	if t := r.open(&heard{way: wayAnswer, n: [4]uint64{uint64(d.Status)}, b: d.Body, req: req, resp: resp}); t != nil {
		defer func() { t.close(nil, f, req, resp, body) }()
	}
	body, f = r.answer(ctx, d, req, resp)
	r.sample.answered(nil, resp, body, f)
	return body, f
}

// Forge calls the function that the program named, in a fork of its own with a
// budget of its own: function(argument, body, length). What it leaves in a0–a4
// becomes resp, with the fields that it appended to BERESP. The caller has
// emptied resp. Faults have status 500. The body is valid until Release.
func (r *Run) Forge(ctx context.Context, req *message.Request, body []byte, resp *message.Response) (made []byte, f *message.Fault) {
	if t := r.open(&heard{way: wayForge, body: body, req: req, resp: resp}); t != nil {
		defer func() {
			if r.back != nil && r.back.flow.begun {
				resp = nil // it is the client's by now
			}
			t.close(nil, f, req, resp, made)
		}()
	}
	made, f = r.forge(ctx, req, body, resp)
	if r.sample != nil && (len(body) > shadowBody || r.stream) {
		r.sample.shadow.skip()
	} else {
		r.sample.answered(body, resp, made, f)
	}
	return made, f
}

// answered notes an answer that the program made.
func (x *sample) answered(body []byte, resp *message.Response, made []byte, f *message.Fault) {
	if x == nil {
		return
	}
	x.made, x.body, x.fault = true, bytes.Clone(body), faulted(f)
	x.status, x.fields, x.answer = resp.Status, responseText(resp), string(made)
}

// OnDeliver calls on_deliver(REQ, RESP) in the fork that on_recv ran in. A
// fault leaves resp as it was; with on_fault = "pass" it is only counted.
func (r *Run) OnDeliver(ctx context.Context, req *message.Request, resp *message.Response) (f *message.Fault) {
	if t := r.open(&heard{way: wayDeliver, req: req, resp: resp}); t != nil {
		defer func() { t.close(nil, f, req, resp, nil) }()
	}
	x := r.sample
	if x != nil && r.WantsDeliver() {
		x.delivers = true
		h := x.response.Header
		x.response = *resp
		x.response.Header = h
		x.response.Header.CopyFrom(&resp.Header)
		x.response.Reason, x.response.Upgrade = bytes.Clone(resp.Reason), bytes.Clone(resp.Upgrade)
	}
	f = r.onDeliver(ctx, req, resp)
	if x != nil {
		x.delivered = responseText(resp) + faulted(f)
	}
	return f
}

// leaveSample gives what the Run leaves to the shadow.
func (r *Run) leaveSample() {
	if x := r.sample; x != nil {
		r.sample = nil
		if x.decision != "" {
			x.shadow.offer(x)
		}
	}
}
