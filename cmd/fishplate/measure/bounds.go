package measure

import (
	"math"
	"strconv"
	"time"

	"github.com/spf13/pflag"
)

// bound is what the number of a flag may be, and what to do instead of giving it
// another.
type bound struct {
	flag        string
	least, most float64
	instead     string
}

// hour is the unit of the largest bounds, in nanoseconds as a flag's value is.
const hour = float64(time.Hour)

// bounds are those of all verbs here; a flag that is not given has its default.
func bounds() []bound {
	return []bound{
		{"connections", 1, 1e7, "leave it out for 256 of them, or, with --rate, for as many as are needed"},
		{"rate", 0.00002, 1e8, "leave it out for as many as are answered: that is what -c does"},
		{"duration", float64(10 * time.Millisecond), 24 * hour, "leave it out for 2s; in less than 10ms there is nothing to see"},
		{"repeat", 1, 1000, "leave it out for ten at most"},
		{"threads", 1, 1024, "leave it out for one for each processor"},
		{"sources", 0, 50_000, "0 leaves the address to the kernel"},
		{"backlog", 0, math.MaxInt32, "0 is the largest that the kernel allows"},
		{"timeout", float64(time.Millisecond), hour, "leave it out for 5s"},
		{"pairs", 2, 1000, "one pair has no interval; leave it out for eight"},
	}
}

// within refuses numbers out of their bounds.
func within(f *pflag.FlagSet) error {
	for _, b := range bounds() {
		flag := f.Lookup(b.flag)
		if flag == nil || !flag.Changed {
			continue
		}
		v, write, err := valueOf(flag)
		if err != nil {
			panic(err) // what pflag has read, pflag has written
		}
		if !(v >= b.least && v <= b.most) {
			return usagef("bench: --%s is %s to %s, not %s: %s", b.flag, write(b.least), write(b.most), write(v), b.instead)
		}
	}
	return nil
}

// valueOf returns the number that a flag has, a time in nanoseconds, and how such
// a number is written.
func valueOf(flag *pflag.Flag) (v float64, write func(float64) string, err error) {
	text := flag.Value.String()
	if flag.Value.Type() == "duration" {
		d, err := time.ParseDuration(text)
		return float64(d), func(v float64) string { return time.Duration(v).String() }, err
	}
	v, err = strconv.ParseFloat(text, 64)
	return v, func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }, err
}
