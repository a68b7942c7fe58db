package bans

import (
	"math"
	"strconv"
	"strings"
)

// unit is one suffix of a literal and what it multiplies by.
type unit struct {
	suffix string
	factor int64
}

// durations are the units of time, from the largest, in nanoseconds.
func durations() []unit {
	return []unit{{"d", 86400e9}, {"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}}
}

// sizes are the units of bytes; those before kB are the ones that are written.
func sizes() []unit {
	return []unit{
		{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1},
		{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	}
}

// number reads a literal: a whole number, a size, a duration or a sum of
// durations (1h30m).
func number(s string) (value int64, k kind, ok bool) {
	if value, err := strconv.ParseInt(s, 10, 64); err == nil {
		return value, kindWhole, true
	}
	for rest := s; rest != ""; {
		digits := span(rest, func(c byte) bool { return isDigit(c) || c == '.' })
		letters := span(rest[digits:], func(c byte) bool { return !isDigit(c) && c != '.' })
		amount, suffix := rest[:digits], rest[digits:digits+letters]
		rest = rest[digits+letters:]
		factor, of := factorOf(suffix)
		if factor == 0 || k != kindNone && (k != kindDuration || of != kindDuration) {
			return 0, kindNone, false
		}
		n, err := strconv.ParseFloat(amount, 64)
		if n *= float64(factor); err != nil || n+float64(value) > math.MaxInt64/2 {
			return 0, kindNone, false
		}
		value, k = value+int64(math.Round(n)), of
	}
	return value, k, k != kindNone
}

func factorOf(suffix string) (int64, kind) {
	for _, u := range durations() {
		if u.suffix == suffix {
			return u.factor, kindDuration
		}
	}
	for _, u := range sizes() {
		if u.suffix == suffix {
			return u.factor, kindSize
		}
	}
	return 0, kindNone
}

// writeNumber writes a literal in the largest unit that divides it.
func writeNumber(b *strings.Builder, n int64, k kind) {
	units := []unit{{"", 1}}
	switch k {
	case kindDuration:
		units = durations()
	case kindSize:
		units = sizes()[:5]
	}
	last := units[len(units)-1]
	for _, u := range units {
		if n != 0 && n%u.factor == 0 {
			last = u
			break
		}
	}
	if n == 0 && k == kindDuration {
		last = unit{"s", 1}
	}
	b.WriteString(strconv.FormatInt(n/last.factor, 10))
	b.WriteString(last.suffix)
}
