package parse

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// ErrNothing says that a file held no line in its format: it was empty, cut
// before the first value, or is something else. errors.Is finds it.
var ErrNothing = errors.New("nothing in the expected format")

// quoted is how many bytes of a text an error message shows.
const quoted = 40

// nothing is the error of a reader that understood no line.
func nothing(what string) error { return fmt.Errorf("parse %s: %w", what, ErrNothing) }

// bad is the error of a reader whose file is one value, and that value wrong.
func bad(what, text, want string) error {
	if len(text) > quoted {
		text = text[:quoted] + "…"
	}
	return fmt.Errorf("parse %s: %q is not %s: %w", what, text, want, ErrNothing)
}

// lines yields the lines that hold something, without their ends, which may be
// LF or CRLF, and without blanks and NULs around them.
func lines(b []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(string(b)) {
			line = strings.TrimFunc(line, blank)
			if line != "" && !yield(line) {
				return
			}
		}
	}
}

func blank(c rune) bool { return c == 0 || unicode.IsSpace(c) }

// Word returns the first line that holds something: the whole of most files of
// one value. It is "" for an empty file.
func Word(b []byte) string {
	for line := range lines(b) {
		return line
	}
	return ""
}

// Number reads a file of one whole number, which may be negative.
func Number(b []byte) (int64, error) {
	word := Word(b)
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		return 0, bad("number", word, "a whole number")
	}
	return n, nil
}

// Numbers reads a file of several numbers on a line, such as
// ip_local_port_range or tcp_mem. All of them must be numbers.
func Numbers(b []byte) ([]int64, error) {
	word := Word(b)
	var list []int64
	for _, field := range strings.Fields(word) {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return nil, bad("numbers", field, "a whole number")
		}
		list = append(list, n)
	}
	if list == nil {
		return nil, nothing("numbers")
	}
	return list, nil
}

// Flag reads a module parameter or setting that is on or off: Y, N, 1, 0, on,
// off, yes, no in either case.
func Flag(b []byte) (bool, error) {
	word := Word(b)
	switch strings.ToLower(word) {
	case "y", "1", "on", "yes", "true":
		return true, nil
	case "n", "0", "off", "no", "false":
		return false, nil
	}
	return false, bad("flag", word, "on or off")
}

// Limit reads a file of one number or the word "max", which is Unlimited; so is
// -1, the word of cgroup v1.
func Limit(b []byte) (uint64, error) {
	word := Word(b)
	if word == "max" || word == "-1" || word == "unlimited" {
		return Unlimited, nil
	}
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		return 0, bad("limit", word, `a number or "max"`)
	}
	return n, nil
}

// Unlimited is the value of a limit that is none.
const Unlimited = math.MaxUint64

// Chosen reads a file that lists the possible words with the chosen one in
// brackets, "always [madvise] never". Without brackets a single word is the
// chosen one.
func Chosen(b []byte) (chosen string, all []string, err error) {
	for _, field := range strings.Fields(Word(b)) {
		name := strings.Trim(field, "[]")
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789+-_") != "" {
			continue
		}
		if name != field {
			chosen = name
		}
		all = append(all, name)
	}
	if chosen == "" && len(all) == 1 {
		chosen = all[0]
	}
	if chosen == "" {
		return "", nil, bad("choice", Word(b), "a choice in brackets")
	}
	return chosen, all, nil
}

// Pairs reads lines of "name value", as in cpu.stat, memory.events, vmstat and
// memory.stat. A colon behind the name is dropped and so is what follows the
// number; lines without a number are passed over.
func Pairs(b []byte) (map[string]uint64, error) {
	pairs := map[string]uint64{}
	for line := range lines(b) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if n, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
			pairs[strings.TrimSuffix(fields[0], ":")] = n
		}
	}
	if len(pairs) == 0 {
		return nil, nothing("pairs")
	}
	return pairs, nil
}

// Texts reads lines of "name: text", as in /proc/self/status and the stanzas of
// /proc/cpuinfo, of which the first line of a name counts.
func Texts(b []byte) (map[string]string, error) {
	texts := map[string]string{}
	for line := range lines(b) {
		name, text, ok := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			continue
		}
		if _, twice := texts[name]; !twice {
			texts[name] = strings.TrimSpace(text)
		}
	}
	if len(texts) == 0 {
		return nil, nothing("texts")
	}
	return texts, nil
}

// hexadecimal reads a number of base 16 with or without 0x.
func hexadecimal(s string) (uint64, error) {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
	return strconv.ParseUint(s, 16, 64)
}
