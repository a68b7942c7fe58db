package rules

import (
	"time"

	"fishplate/internal/message"
)

// ParseDate reads an HTTP-date in any of the three forms of RFC 9110 §5.6.7,
// without regard to case and with UTC for GMT, as RFC 9111 §4.2 asks of caches.
// now decides the century of a two-digit year. The result is Unix seconds; ok is
// false for anything else, another zone included.
func ParseDate(s []byte, now time.Time) (unix int64, ok bool) {
	p := dateText{s: s}
	name := p.letters()
	switch {
	case p.lit(", "): // Sun, 06 Nov 1994 08:49:37 GMT; Sunday, 06-Nov-94 08:49:37 GMT
		day := p.digits(2)
		long := p.lit("-")
		if !long && !p.lit(" ") {
			return 0, false
		}
		month := p.month()
		if long {
			p.must("-")
			p.year = century(p.digits(2), now)
		} else {
			p.must(" ")
			p.year = p.digits(4)
		}
		p.must(" ")
		p.clock()
		p.must(" ")
		p.zone()
		return p.end(name, long, day, month)
	case p.lit(" "): // Sun Nov  6 08:49:37 1994
		month := p.month()
		p.must(" ")
		day := 0
		if p.lit(" ") {
			day = p.digits(1)
		} else {
			day = p.digits(2)
		}
		p.must(" ")
		p.clock()
		p.must(" ")
		p.year = p.digits(4)
		return p.end(name, false, day, month)
	}
	return 0, false
}

// dateText is what is left of a date, and what was read of it.
type dateText struct {
	s                          []byte
	bad                        bool
	year, hour, minute, second int
}

func (p *dateText) letters() []byte {
	i := 0
	for i < len(p.s) && isAlpha(p.s[i]) {
		i++
	}
	word := p.s[:i]
	p.s = p.s[i:]
	return word
}

// lit takes a literal text off, if it is there.
func (p *dateText) lit(text string) bool {
	if len(p.s) < len(text) || string(p.s[:len(text)]) != text {
		return false
	}
	p.s = p.s[len(text):]
	return true
}

func (p *dateText) must(text string) { p.bad = !p.lit(text) || p.bad }

// digits reads a number of exactly n digits.
func (p *dateText) digits(n int) (v int) {
	if len(p.s) < n {
		p.bad = true
		return 0
	}
	for _, c := range p.s[:n] {
		if !isDigit(c) {
			p.bad = true
			return 0
		}
		v = v*10 + int(c-'0')
	}
	p.s = p.s[n:]
	return v
}

const (
	monthNames = "janfebmaraprmayjunjulaugsepoctnovdec"
	dayNames   = "sunmontuewedthufrisat"
)

func (p *dateText) month() int {
	if len(p.s) >= 3 {
		for m := range 12 {
			if message.EqualFold(p.s[:3], monthNames[3*m:3*m+3]) {
				p.s = p.s[3:]
				return m + 1
			}
		}
	}
	p.bad = true
	return 0
}

func (p *dateText) clock() {
	p.hour = p.digits(2)
	p.must(":")
	p.minute = p.digits(2)
	p.must(":")
	p.second = p.digits(2)
}

func (p *dateText) zone() {
	if zone := p.letters(); !message.EqualFold(zone, "GMT") && !message.EqualFold(zone, "UTC") {
		p.bad = true
	}
}

// century completes a two-digit year: one that would lie more than 50 years
// ahead is of the century before.
func century(year int, now time.Time) int {
	this := now.UTC().Year()
	year += this - this%100
	if year > this+50 {
		year -= 100
	}
	return year
}

// end checks the whole. The name of the day has to be one, and is not compared
// with the date; a leap second counts as the one before it.
func (p *dateText) end(name []byte, long bool, day, month int) (int64, bool) {
	if p.bad || len(p.s) > 0 || !isDay(name, long) || p.hour > 23 || p.minute > 59 || p.second > 60 || day < 1 {
		return 0, false
	}
	t := time.Date(p.year, time.Month(month), day, p.hour, p.minute, min(p.second, 59), 0, time.UTC)
	if t.Day() != day {
		return 0, false // such as 31 February
	}
	return t.Unix(), true
}

func isDay(name []byte, long bool) bool {
	if len(name) < 3 || (len(name) > 3) != long {
		return false
	}
	for i := 0; i < len(dayNames); i += 3 {
		if message.EqualFold(name[:3], dayNames[i:i+3]) {
			return true
		}
	}
	return false
}
