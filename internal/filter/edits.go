package filter

import (
	"errors"
	"fmt"
	"slices"

	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"

	"github.com/hashicorp/hcl/v2"
)

// Edits are a route's changes to a message's head. All values are computed
// from the message as it came; then fields are removed, set and added, in that
// order, and last the target is rewritten. A nil Edits changes nothing.
type Edits struct {
	set, add []edit
	remove   []string
	rewrite  *predicate.Value
}

type edit struct {
	name  string
	host  bool // the value must be a Host
	value *predicate.Value
}

// codecNames are the fields that frame a message or belong to one connection.
// The codec writes them; an edit of one could only break a message.
var codecNames = [...]message.Name{
	message.Connection, message.ContentLength, message.Expect, message.KeepAlive, message.ProxyConnection,
	message.TE, message.Trailer, message.TransferEncoding, message.Upgrade,
}

func codecOwns(name string) bool {
	id := message.LookupName([]byte(name))
	for _, n := range codecNames {
		if id == n {
			return true
		}
	}
	return false
}

// CompileEdits compiles m; the error joins everything that is wrong. It returns
// nil for edits that change nothing.
func CompileEdits(m model.Edits, o predicate.Options) (*Edits, error) {
	if len(m.Set)+len(m.Add)+len(m.Remove) == 0 && !m.Rewrite.Set() {
		return nil, nil
	}
	e := &Edits{}
	var errs []error
	e.set = compileFields(&errs, "set", m.Set, o)
	e.add = compileFields(&errs, "add", m.Add, o)
	for _, name := range m.Remove {
		errs = append(errs, checkName("remove", name))
		e.remove = append(e.remove, name)
	}
	if m.Rewrite.Set() {
		var err error
		if e.rewrite, err = compileValue(m.Rewrite, o); err != nil {
			errs = append(errs, fmt.Errorf("compile rewrite: %w", err))
		} else if s, ok := e.rewrite.Const(); ok && (s == "" || s[0] != '/') {
			errs = append(errs, fmt.Errorf("compile rewrite: %q does not begin with \"/\"", s))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return e, nil
}

func compileFields(errs *[]error, verb string, fields []model.FieldEdit, o predicate.Options) []edit {
	var edits []edit
	for _, f := range fields {
		if err := checkName(verb, f.Name); err != nil {
			*errs = append(*errs, err)
			continue
		}
		v, err := compileValue(f.Value, o)
		if err != nil {
			*errs = append(*errs, fmt.Errorf("%s field %q: %w", verb, f.Name, err))
			continue
		}
		ed := edit{f.Name, message.EqualFold(f.Name, "Host"), v}
		if s, ok := v.Const(); ok && !ed.valid([]byte(s)) {
			*errs = append(*errs, fmt.Errorf("%s field %q: %q cannot be its value", verb, f.Name, s))
		}
		edits = append(edits, ed)
	}
	return edits
}

func checkName(verb, name string) error {
	switch {
	case !message.ValidName(name):
		return fmt.Errorf("%s field %q: not a field name", verb, name)
	case codecOwns(name):
		return fmt.Errorf("%s field %q: it frames the message and is written by the codec", verb, name)
	case verb != "set" && message.EqualFold(name, "Host"):
		return fmt.Errorf("%s field %q: a request has exactly one; it can be set", verb, name)
	}
	return nil
}

func compileValue(x model.Expr, o predicate.Options) (*predicate.Value, error) {
	v, diags := predicate.CompileString(x, o)
	if diags.HasErrors() {
		return nil, errors.Join(diagErrors(diags)...)
	}
	return v, nil
}

func diagErrors(diags hcl.Diagnostics) (errs []error) {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			errs = append(errs, d)
		}
	}
	return errs
}

// SetsHost reports whether the edits set Host: the request's Host field is then
// to be sent in place of what the client asked for, which routing, logs and
// the tenant's program go on using.
func (e *Edits) SetsHost() bool {
	return e != nil && slices.ContainsFunc(e.set, func(ed edit) bool { return ed.host })
}

// valid reports whether value may be sent: field content without CR, LF, NUL
// or other controls, and a Host that is one.
func (ed *edit) valid(value []byte) bool {
	if !ed.host {
		return message.ValidValue(value)
	}
	for _, c := range value {
		if !message.IsTokenByte(c) && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return len(value) > 0
}

// ApplyRequest edits req. dropped counts values that were computed and could
// not be sent (a control byte, a rewrite that is no path); what they were to
// change is left as it was, except that a field to be set is removed then, so
// that no client's own text passes for ours.
func (e *Edits) ApplyRequest(req *message.Request, env *predicate.Env) (dropped int) {
	if e == nil {
		return 0
	}
	var room [512]byte
	target, rewritten := room[:0], false
	if e.rewrite != nil {
		target, rewritten = e.rewrite.Append(target, env)
	}
	dropped = e.apply(&req.Header, env)
	if e.rewrite != nil && (!rewritten || !Retarget(req, target)) {
		dropped++
	}
	return dropped
}

// ApplyResponse edits resp, as ApplyRequest; there is no target to rewrite.
func (e *Edits) ApplyResponse(resp *message.Response, env *predicate.Env) (dropped int) {
	if e == nil {
		return 0
	}
	return e.apply(&resp.Header, env)
}

// result is a computed value: a place in the buffer, or null, or unfit.
type result struct {
	from, to int
	fate     fate
}

type fate uint8

const (
	fit fate = iota
	null
	unfit
)

func (e *Edits) apply(h *message.Header, env *predicate.Env) (dropped int) {
	var room [1024]byte
	var places [24]result
	buf, results := room[:0], places[:0]
	for _, list := range [...][]edit{e.set, e.add} {
		for i := range list {
			from := len(buf)
			out, ok := list[i].value.Append(buf, env)
			r := result{from, len(out), fit}
			switch {
			case !ok:
				r.fate = null
			case !list[i].valid(out[from:]):
				r.fate = unfit
				dropped++
			}
			buf, results = out, append(results, r)
		}
	}
	for _, name := range e.remove {
		h.Remove(name)
	}
	for i := range e.set {
		switch r := results[i]; {
		case r.fate == fit:
			h.Set(e.set[i].name, message.View(buf[r.from:r.to]))
		case !e.set[i].host:
			h.Remove(e.set[i].name)
		}
	}
	for i := range e.add {
		if r := results[len(e.set)+i]; r.fate == fit {
			h.Add(e.add[i].name, message.View(buf[r.from:r.to]))
		}
	}
	return dropped
}

// Retarget gives req another path, and another query when target has a "?".
// The path is brought to its normal form; false, and no change, when it has
// none or the query holds what no target may. The new bytes live as long as
// req's header does.
func Retarget(req *message.Request, target []byte) bool {
	path, query, hasQuery := target, []byte(nil), false
	for i, c := range target {
		if c == '?' {
			path, query, hasQuery = target[:i], target[i+1:], true
			break
		}
	}
	for _, c := range query {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	var room [512]byte
	normal, err := http1.NormalizePath(room[:0], path, slashPolicy(req.Path))
	if err != nil {
		return false
	}
	req.Path = hold(req, normal)
	if hasQuery {
		req.Query, req.HasQuery = hold(req, query), true
	}
	return true
}

// hold copies text to where it lives as long as the request's header.
func hold(req *message.Request, text []byte) []byte {
	kept := req.Space(len(text))
	copy(kept, text)
	return kept
}

// slashPolicy tells what the listener does with "//": a path that still holds
// one came through a listener that keeps them.
func slashPolicy(path []byte) string {
	for i := 1; i < len(path); i++ {
		if path[i] == '/' && path[i-1] == '/' {
			return "keep"
		}
	}
	return "merge"
}
