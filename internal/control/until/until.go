package until

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Outcomes are what became of one side's exchanges.
type Outcomes struct {
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"` // statuses from 500 on, and answers that were broken off by other than the client
	P99      float64 `json:"p99_ms"` // an upper bound
}

// enough exchanges must have been served for a condition that does not hold to end
// a trial early.
const enough = 50

// Term is one condition: a figure, compared with a bound.
type Term struct {
	Text     string
	name, op string
	bound    float64
}

// Parse reads conditions such as "errors < 1% && p99 < 250ms": errors is
// the share of the exchanges, p99 a duration, requests a number.
func Parse(text string) ([]Term, error) {
	var list []Term
	for part := range strings.SplitSeq(text, "&&") {
		words := strings.Fields(part)
		bad := func(why string) ([]Term, error) {
			return nil, fmt.Errorf("until: %q: %s; a condition is errors < 1%%, p99 < 250ms or requests >= 100, and several are joined by &&", strings.TrimSpace(part), why)
		}
		if len(words) != 3 {
			return bad("it has not three words")
		}
		t := Term{Text: strings.Join(words, " "), name: words[0], op: words[1]}
		if !slices.Contains([]string{"<", "<=", ">", ">="}, t.op) {
			return bad("no such comparison")
		}
		var err error
		switch t.name {
		case "errors":
			number, percent := strings.CutSuffix(words[2], "%")
			if t.bound, err = strconv.ParseFloat(number, 64); !percent || err != nil {
				return bad("errors are a percentage")
			}
			t.bound /= 100
		case "p99":
			var d time.Duration
			if d, err = time.ParseDuration(words[2]); err != nil {
				return bad("p99 is a duration")
			}
			t.bound = float64(d) / float64(time.Millisecond)
		case "requests":
			if t.bound, err = strconv.ParseFloat(words[2], 64); err != nil {
				return bad("requests are a number")
			}
		default:
			return bad("no such figure")
		}
		if !(t.bound >= 0) { // NaN compares with nothing
			return bad("a bound is 0 or more")
		}
		list = append(list, t)
	}
	return list, nil
}

// value is the figure that the condition is about.
func (t Term) value(o Outcomes) float64 {
	switch t.name {
	case "errors":
		return float64(o.Errors) / float64(max(o.Requests, 1))
	case "p99":
		return o.P99
	}
	return float64(o.Requests)
}

// Holds says whether the condition does.
func (t Term) Holds(o Outcomes) bool {
	c := cmp.Compare(t.value(o), t.bound)
	switch t.op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// Verdict says whether a trial is decided now, and how. A condition that more
// exchanges can still bring about is judged at the end only.
func Verdict(terms []Term, o Outcomes, end bool) (decided, all bool, why string) {
	if end && o.Requests == 0 {
		return true, false, "no exchange was served by it"
	}
	for _, t := range terms {
		if !t.Holds(o) && (end || t.op[0] == '<' && t.name != "requests" && o.Requests >= enough) {
			return true, false, t.Text + " does not hold"
		}
	}
	return end, end, "all conditions hold"
}

// Now writes the figure that the condition is about as the condition does.
func (t Term) Now(o Outcomes) string {
	switch v := t.value(o); t.name {
	case "errors":
		return fmt.Sprintf("%.3g%%", v*100)
	case "p99":
		return fmt.Sprintf("%gms", v)
	default:
		return fmt.Sprintf("%g", v)
	}
}
