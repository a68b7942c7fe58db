package schema

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// unit is one suffix and what it multiplies by.
type unit struct {
	suffix string
	factor float64
}

// The longer suffix stands before one that it ends with.
func durationUnits() []unit {
	return []unit{
		{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6},
		{"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 24 * 3600e9},
	}
}

func sizeUnits() []unit {
	return []unit{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
		{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
	}
}

// Duration reads "250ms", "1d" or a sum such as "1h30m".
func Duration(s string) (time.Duration, error) {
	if s == "0" {
		return 0, nil
	}
	total, rest := 0.0, s
	for first := true; first || rest != ""; first = false {
		digits := numberPrefix(rest)
		after := rest[len(digits):]
		letters := letterPrefix(after)
		factor, ok := factorOf(letters, durationUnits())
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil || !ok {
			return 0, fmt.Errorf(`a duration is a number and a unit (ns, us, ms, s, m, h, d), such as "250ms" or "1d", not %q`, s)
		}
		total += n * factor
		rest = after[len(letters):]
	}
	if total > math.MaxInt64/2 {
		return 0, fmt.Errorf("duration %q is too long", s)
	}
	return time.Duration(math.Round(total)), nil
}

// Size reads "64MiB" or "500kB" into bytes.
func Size(s string) (int64, error) {
	digits := numberPrefix(s)
	n, err := strconv.ParseFloat(digits, 64)
	factor, ok := factorOf(s[len(digits):], sizeUnits())
	if s == "0" {
		return 0, nil
	}
	if err != nil || !ok || n*factor > math.MaxInt64/2 {
		return 0, fmt.Errorf(`a size is a number and a unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB), such as "64MiB", not %q`, s)
	}
	return int64(math.Round(n * factor)), nil
}

// Percent reads "10%" into 0.1.
func Percent(s string) (float64, error) {
	digits, ok := strings.CutSuffix(s, "%")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !ok || digits != numberPrefix(digits) {
		return 0, fmt.Errorf(`a percentage is written like "10%%", not %q`, s)
	}
	return n / 100, nil
}

// Rate reads "100/s", "30/m" or "5/h" into events per second.
func Rate(s string) (float64, error) {
	digits, per, ok := strings.Cut(s, "/")
	n, err := strconv.ParseFloat(digits, 64)
	factor, known := factorOf(per, durationUnits())
	if err != nil || !ok || !known || digits != numberPrefix(digits) {
		return 0, fmt.Errorf(`a rate is a number per unit of time, such as "100/s" or "30/m", not %q`, s)
	}
	return n / (factor / 1e9), nil
}

func factorOf(suffix string, units []unit) (float64, bool) {
	for _, u := range units {
		if u.suffix == suffix {
			return u.factor, true
		}
	}
	return 0, false
}

func numberPrefix(s string) string {
	i := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if i < 0 {
		return s
	}
	return s[:i]
}

func letterPrefix(s string) string {
	i := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
	if i < 0 {
		return s
	}
	return s[:i]
}

// FormatDuration writes the shortest text that Duration reads back.
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	units := durationUnits()
	for i := len(units) - 1; i >= 0; i-- {
		if f := time.Duration(units[i].factor); d%f == 0 {
			return strconv.FormatInt(int64(d/f), 10) + units[i].suffix
		}
	}
	return d.String()
}

// FormatSize writes the shortest text that Size reads back.
func FormatSize(n int64) string {
	binary := sizeUnits()[:4]
	for i := len(binary) - 1; i >= 0; i-- {
		if f := int64(binary[i].factor); n != 0 && n%f == 0 {
			return strconv.FormatInt(n/f, 10) + binary[i].suffix
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// FormatPercent writes a fraction of one as a percentage.
func FormatPercent(f float64) string {
	return strconv.FormatFloat(math.Round(f*1e8)/1e6, 'f', -1, 64) + "%"
}

// FormatRate writes events per second.
func FormatRate(f float64) string {
	return strconv.FormatFloat(f, 'f', -1, 64) + "/s"
}
