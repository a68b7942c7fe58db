package tenant

import (
	"context"

	"fishplate/internal/message"
)

// Named calls the function that the program registered under a name:
// function(value, length), in the fork of the request's side. Its result, a
// text, is appended to dst; ok is false when it gave none, or when there is no
// such function. A fault is told only where on_fault is "fail"; it is counted in
// any case. req can be read by the function, and is not changed.
func (r *Run) Named(ctx context.Context, req *message.Request, dst []byte, name, value string) (out []byte, ok bool, f *message.Fault) {
	fn := r.image.memento.functions[name]
	if fn == 0 {
		return dst, false, nil
	}
	if t := r.open(&heard{way: wayNamed, a: name, b: value, req: req}); t != nil {
		was := len(dst)
		defer func() { t.close(nil, f, nil, nil, out[min(was, len(out)):]) }()
	}
	v := r.front
	if v == nil {
		if v, f = r.fork(); f != nil {
			return dst, false, r.serious(f)
		}
		r.front = v
	}
	// on_recv and what comes later find the stack as they would without us.
	sp := v.m.X[2]
	v.attach(stageNamed, req, nil)
	at, err := v.push(value)
	if err != nil {
		f = r.failed(v, err)
	} else {
		v.enter(fn, at, uint64(len(value)), 0)
		f = r.execute(ctx, v, callFunction)
	}
	if f == nil {
		if out, ok, err = v.resultText(dst); err != nil {
			f = r.failed(v, err)
		}
	}
	if f != nil {
		r.dropFront()
		return dst, false, r.serious(f)
	}
	v.detach()
	v.m.X[2] = sp
	return out, ok, nil
}

// serious is f where the tenant's faults fail a request.
func (r *Run) serious(f *message.Fault) *message.Fault {
	if r.tenant.model.OnFault == "fail" {
		return f
	}
	return nil
}

// resultText appends the text that a0 points to; 0 is none.
func (v *vm) resultText(dst []byte) ([]byte, bool, error) {
	at := v.arg(0)
	if at == 0 {
		return dst, false, nil
	}
	s, err := v.cstring(at)
	if err != nil {
		return dst, false, err
	}
	v.m.Charge(uint64(len(s)))
	return append(dst, s...), true, nil
}
