package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ratio says by which measured time the balancer ratio weighs servers.
type Ratio struct {
	By          string // a word of RatioWords
	Predict     bool   // what By will be, Ahead from now, by its course over Past
	Past, Ahead time.Duration
	Rate        int // samples a second of that course
}

// RatioWords returns what a ratio may go by, besides "predict". Static weights
// are those of the configuration.
func RatioWords() []string {
	return []string{"static", "average", "minimum", "maximum", "p50", "p75", "p90", "p95", "p99"}
}

// ParseRatio reads the arguments of ratio(): nothing, a word, or "predict" and
// perhaps a word, "past=30s", "rate=20" and "ahead=15s".
func ParseRatio(args []string) (Ratio, error) {
	r := Ratio{By: "static"}
	if len(args) == 0 {
		return r, nil
	}
	if args[0] != "predict" {
		if r.By = args[0]; len(args) > 1 {
			return r, fmt.Errorf("%q stands alone; only \"predict\" is followed by others", r.By)
		}
		return r, r.known()
	}
	r = Ratio{By: "average", Predict: true, Past: 30 * time.Second, Rate: 20}
	for _, arg := range args[1:] {
		if err := r.set(arg); err != nil {
			return r, err
		}
	}
	if r.Ahead == 0 {
		r.Ahead = r.Past / 2
	}
	switch {
	case r.By == "static":
		return r, fmt.Errorf("static weights have no course that predicts anything")
	case r.Past < time.Second || r.Past > 2*time.Minute:
		return r, fmt.Errorf("past is from 1s to 120s, not %v", r.Past)
	case r.Rate < 1 || r.Rate > 20:
		return r, fmt.Errorf("rate is from 1 to 20 a second, not %d", r.Rate)
	case r.Ahead < 0 || r.Ahead > r.Past/2:
		return r, fmt.Errorf("ahead is at most half of past, which is %v, not %v", r.Past/2, r.Ahead)
	}
	return r, nil
}

// set reads one argument that follows "predict".
func (r *Ratio) set(arg string) (err error) {
	name, value, found := strings.Cut(arg, "=")
	switch {
	case !found:
		r.By = arg
		return r.known()
	case name == "past":
		r.Past, err = time.ParseDuration(value)
	case name == "ahead":
		if r.Ahead, err = time.ParseDuration(value); err == nil && r.Ahead <= 0 {
			err = fmt.Errorf("ahead is above 0, not %v", r.Ahead)
		}
	case name == "rate":
		if r.Rate, err = strconv.Atoi(value); err != nil {
			err = fmt.Errorf("rate is a number, not %q", value)
		}
	default:
		err = fmt.Errorf("predict has past, rate and ahead, not %q", name)
	}
	return err
}

func (r *Ratio) known() error {
	if slices.Contains(RatioWords(), r.By) {
		return nil
	}
	return fmt.Errorf("no time %q; it is %s or predict", r.By, strings.Join(RatioWords(), ", "))
}

// Args returns the arguments in their one form.
func (r *Ratio) Args() []string {
	switch {
	case r.Predict:
		return []string{"predict", r.By, "past=" + r.Past.String(), "rate=" + strconv.Itoa(r.Rate), "ahead=" + r.Ahead.String()}
	case r.By == "static":
		return nil
	}
	return []string{r.By}
}
