package router

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"fishplate/internal/http1"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// Route is one compiled route of one generation.
type Route struct {
	ID    int // its place in Router.Routes
	Model *model.Route
	VHost *model.VHost
	*matcher
}

// form says what a route's path is.
type form uint8

const (
	anyPath form = iota
	exactPath
	prefixPath // pattern ends in "/", without the "*"
	regexPath
)

// matcher is what a route tests. It holds nothing of its generation.
type matcher struct {
	form    form
	pattern string
	re      *regexp.Regexp
	methods []string
	when    *predicate.Predicate // nil: always
	never   bool                 // when is constant and false
	from    *model.Route         // what it was compiled from
}

// serves reports whether the matcher is what m would compile to. A predicate
// that holds files is compiled anew, since they may have changed, and one that
// moved in its file too, since its explanation names the place.
func (t *matcher) serves(m *model.Route) bool {
	f := t.from
	return f.Name == m.Name && f.Tenant == m.Tenant && f.Path == m.Path && slices.Equal(f.Methods, m.Methods) &&
		f.When.Text == m.When.Text && f.When.At == m.When.At && f.When.Set() == m.When.Set() && !t.when.ReadsFiles()
}

func (rt *Route) compile(o predicate.Options) error {
	m := rt.Model
	t := &matcher{methods: m.Methods, from: m}
	rt.matcher = t
	if err := t.compilePath(m.Path); err != nil {
		return err
	}
	if !m.When.Set() {
		return nil
	}
	o.Tenant = m.Tenant
	when, diags := predicate.CompileBool(m.When, o)
	if diags.HasErrors() {
		return errors.Join(diags.Errs()...)
	}
	if truth, ok := when.Const(); ok {
		t.never = !truth
	}
	t.when = when
	return nil
}

func (t *matcher) compilePath(path string) (err error) {
	switch {
	case path == "":
		return nil
	case path[0] == '~':
		t.form, t.pattern = regexPath, path
		if _, err = model.MeasurePattern(path[1:]); err == nil {
			t.re, err = regexp.Compile(path[1:])
		}
		if err != nil {
			return fmt.Errorf("read path %q: %w", path, err)
		}
		return nil
	case path == "*":
		t.form, t.pattern = exactPath, path // the target of OPTIONS *
		return nil
	case path[0] != '/':
		return fmt.Errorf("read path %q: it begins with neither \"/\" nor \"~\"", path)
	}
	t.form = exactPath
	if head, ok := strings.CutSuffix(path, "/*"); ok {
		t.form, path = prefixPath, head+"/"
	}
	normal, err := http1.NormalizePath(nil, ascii(path), "keep")
	if err != nil {
		return fmt.Errorf("read path %q: %w", path, err)
	}
	t.pattern = string(normal)
	return nil
}

// ascii escapes what a path that people write may hold and a request's may not.
func ascii(path string) []byte {
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if c := path[i]; c >= 0x80 {
			out = fmt.Appendf(out, "%%%02X", c)
		} else {
			out = append(out, c)
		}
	}
	return out
}

// free reports whether a matching path is all that the route asks for.
func (t *matcher) free() bool {
	return len(t.methods) == 0 && (t.when == nil || !t.never && constant(t.when))
}

func constant(p *predicate.Predicate) bool { _, ok := p.Const(); return ok }

// matchPath tests the path alone, without the index.
func (t *matcher) matchPath(path []byte) bool {
	switch t.form {
	case exactPath:
		return string(path) == t.pattern
	case prefixPath:
		return len(path) >= len(t.pattern) && string(path[:len(t.pattern)]) == t.pattern
	case regexPath:
		return t.re.Match(path)
	}
	return true
}

func (t *matcher) matchMethod(method []byte) bool {
	if len(t.methods) == 0 {
		return true
	}
	for _, m := range t.methods {
		if string(method) == m {
			return true
		}
	}
	return false
}

// tail sets env.PathTail for this route. A predicate sees its own route's.
func (t *matcher) tail(env *predicate.Env) {
	env.PathTail = nil
	if t.form == prefixPath {
		env.PathTail = env.Req.Path[len(t.pattern):]
	}
}

// Backend returns the name of the backend that the route chooses, "" when it
// names none. A split draws by rnd, which is uniform over all its values and
// new for each request: one client may see several arms; a sticky split is
// written with when = fraction("10%", client.ip).
func (rt *Route) Backend(_ *predicate.Env, rnd uint32) string {
	shares := rt.Model.Split
	if len(shares) == 0 {
		return rt.Model.Backend
	}
	at := float64(rnd) / (1 << 32)
	for _, s := range shares[:len(shares)-1] {
		if at < s.Fraction {
			return s.Backend
		}
		at -= s.Fraction
	}
	// Rounding must not choose an arm of nothing, such as a last "0%".
	for i := len(shares) - 1; i > 0; i-- {
		if shares[i].Fraction > 0 {
			return shares[i].Backend
		}
	}
	return shares[0].Backend
}
