package schema

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// FromValue converts an evaluated value to the Go value of the row's kind:
// string, bool, int64 (Int, SizeT), time.Duration, float64, []string or
// []netip.Prefix. The error says what is allowed.
func (r *Row) FromValue(v cty.Value) (any, error) {
	if v.IsNull() || !v.IsKnown() {
		return nil, nil
	}
	if r.Kind == Strings || r.Kind == Networks {
		return r.fromList(v)
	}
	switch v.Type() {
	case cty.String:
		return r.fromText(v.AsString())
	case cty.Bool:
		if r.Kind == Bool {
			return v.True(), nil
		}
	case cty.Number:
		return r.fromNumber(v.AsBigFloat())
	}
	return nil, r.wrongType(v)
}

func (r *Row) fromNumber(f *big.Float) (any, error) {
	n, accuracy := f.Int64()
	zero := f.Sign() == 0
	switch r.Kind {
	case Int:
		if accuracy != big.Exact {
			return nil, fmt.Errorf("%q is a whole number, not %s", r.Name, f.Text('g', -1))
		}
		return r.inRange(n)
	case DurationT, SizeT, RateT, PercentT:
		if zero && (r.Kind == DurationT || r.Kind == SizeT) {
			return r.fromText("0")
		}
		_, err := r.parse(f.Text('g', -1))
		return nil, err
	}
	return nil, fmt.Errorf("%q is a %s, not a number", r.Name, r.Kind)
}

// fromText converts a string, with the row's words and range.
func (r *Row) fromText(s string) (any, error) {
	if slices.Contains(r.Also, s) {
		return s, nil
	}
	v, err := r.parse(s)
	if err != nil {
		if len(r.Also) > 0 {
			err = fmt.Errorf("%w; or %s", err, List(r.Also))
		}
		return nil, err
	}
	if word, ok := v.(string); ok && len(r.OneOf) > 0 && !slices.Contains(r.OneOf, word) {
		return nil, &WordError{Attr: r.Name, Word: word, Allowed: r.OneOf}
	}
	return r.inRange(v)
}

// parse reads s by the row's kind alone.
func (r *Row) parse(s string) (any, error) {
	switch r.Kind {
	case String, File, Pipeline:
		return s, nil
	case Int:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is a whole number, not %q", r.Name, s)
		}
		return n, nil
	case Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return nil, fmt.Errorf("%q is true or false, not %q", r.Name, s)
		}
		return b, nil
	case DurationT:
		d, err := Duration(s)
		return d, err
	case SizeT:
		n, err := Size(s)
		return n, err
	case RateT:
		f, err := Rate(s)
		return f, err
	case PercentT:
		f, err := Percent(s)
		return f, err
	}
	return nil, fmt.Errorf("%q is a %s, not a string", r.Name, r.Kind)
}

// inRange refuses a value outside of the row's range.
func (r *Row) inRange(v any) (any, error) {
	low, high, ok := strings.Cut(r.Range, "..")
	if !ok {
		return v, nil
	}
	a, errLow := r.parse(low)
	b, errHigh := r.parse(high)
	if errLow != nil || errHigh != nil {
		return nil, fmt.Errorf("range %q of %q cannot be read", r.Range, r.Name)
	}
	if magnitude(v) < magnitude(a) || magnitude(v) > magnitude(b) {
		return nil, fmt.Errorf("%q is out of range: from %s to %s is allowed", r.Name, low, high)
	}
	return v, nil
}

func (r *Row) wrongType(v cty.Value) error {
	return fmt.Errorf("%q is a %s, not %s", r.Name, r.Kind, TypeName(v.Type()))
}

func TypeName(t cty.Type) string {
	switch {
	case t == cty.String:
		return "a string"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	case t.IsTupleType(), t.IsListType():
		return "a list"
	}
	return "a map"
}

// fromList reads a list, or one string as a list of one.
func (r *Row) fromList(v cty.Value) (any, error) {
	var words []string
	switch {
	case v.Type() == cty.String:
		words = []string{v.AsString()}
	case v.Type().IsTupleType() || v.Type().IsListType():
		for _, e := range v.AsValueSlice() {
			if e.IsNull() || (e.Type() != cty.String && e.Type() != cty.Number) {
				return nil, fmt.Errorf("every element of %q is a string, not %s", r.Name, TypeName(e.Type()))
			}
			if e.Type() == cty.Number {
				words = append(words, e.AsBigFloat().Text('f', -1))
			} else {
				words = append(words, e.AsString())
			}
		}
	default:
		return nil, r.wrongType(v)
	}
	if r.Kind == Networks {
		return networks(r.Name, words)
	}
	for _, w := range words {
		if len(r.OneOf) > 0 && !slices.Contains(r.OneOf, w) {
			return nil, &WordError{Attr: r.Name, Word: w, Allowed: r.OneOf}
		}
	}
	return words, nil
}

// networks reads prefixes; an address alone is a prefix of its full length.
func networks(name string, words []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, w := range words {
		if addr, err := netip.ParseAddr(w); err == nil {
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(w)
		if err != nil {
			return nil, fmt.Errorf(`%q takes networks such as "10.0.0.0/8" or "::1", not %q`, name, w)
		}
		if p.Masked() != p {
			return nil, fmt.Errorf("%q has bits set after its prefix: the network is %q", w, p.Masked())
		}
		out = append(out, p)
	}
	return out, nil
}

// WordError is a word outside of a closed list.
type WordError struct {
	Attr, Word string
	Allowed    []string
}

func (e *WordError) Error() string {
	return fmt.Sprintf("%q cannot be %q: %s is allowed", e.Attr, e.Word, List(e.Allowed))
}

// magnitude makes numbers of all kinds comparable.
func magnitude(v any) float64 {
	switch n := v.(type) {
	case int64:
		return float64(n)
	case float64:
		return n
	case interface{ Nanoseconds() int64 }:
		return float64(n.Nanoseconds())
	}
	return 0
}
