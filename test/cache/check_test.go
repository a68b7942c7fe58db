package cache

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// check compares what arrived with what was written, and returns the
// differences.
func (p *play) check(want *message, got *seen) (found []string) {
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	late := int(time.Since(p.now) / time.Second)
	if !matches(want.first, got.first, 0) {
		say("got %s, want %s (%.100q)", got.first, want.first, got.body)
	}
	if target := p.expand(want.target); want.target != "" && target != got.target {
		say("got target %s, want %s", got.target, target)
	}
	for _, f := range want.fields {
		name, value, _ := strings.Cut(p.expand(f), ":")
		value = strings.TrimPrefix(value, " ")
		late := late
		if name != "Age" {
			late = 0
		}
		list := got.header.Values(name)
		switch text := strings.Join(list, ", "); {
		case len(list) == 0:
			say("%s is absent, want %s", name, value)
		case !matches(value, text, late):
			say("%s is %q, want %s", name, text, value)
		}
	}
	for _, name := range want.absent {
		if list := got.header.Values(name); len(list) > 0 {
			say("%s is %q, want none", name, list)
		}
	}
	failed := want.broken && strings.HasPrefix(got.first, "50") // told before anything of it went out
	if want.broken != got.broken && !failed {
		say("the body is cut: %t, want %t", got.broken, want.broken)
	}
	if want.from > 0 {
		if body := p.body(p.numbered(want.from)); got.body != body {
			say("got body %.200q, want %.200q", got.body, body)
		}
	}
	if want.body != nil {
		if body := p.expand(*want.body); !matches(body, got.body, 0) {
			say("got body %.300q, want %.300q", got.body, body)
		}
	}
	if len(want.status) > 0 {
		found = append(found, checkStatus(want.status, got.header, late)...)
	}
	return found
}

// numbered returns an answer of the case.
func (p *play) numbered(n int) *answer {
	for _, s := range p.steps {
		for _, a := range s.answers {
			if a.number == n {
				return a
			}
		}
	}
	return &answer{number: n}
}

var within = regexp.MustCompile(`^(-?[0-9]+)\.\.(-?[0-9]+)$`)

// matches compares a value with a pattern: "/regexp/", "low..high", or the text
// itself. late is how many seconds the case has taken: what says a time is off by
// so many at most.
func matches(pattern, text string, late int) bool {
	if m := within.FindStringSubmatch(pattern); m != nil {
		low, _ := strconv.Atoi(m[1])
		high, _ := strconv.Atoi(m[2])
		n, err := strconv.Atoi(text)
		return err == nil && low-late <= n && n <= high+late
	}
	if len(pattern) > 1 && pattern[0] == '/' && pattern[len(pattern)-1] == '/' {
		return regexp.MustCompile("(?s)" + pattern[1:len(pattern)-1]).MatchString(text)
	}
	return pattern == text
}

// checkStatus looks at the last member of Cache-Status, which is ours (RFC 9211
// §2: each cache appends its own). "name" must be there, "name=value" with that
// value, "-name" must not be there.
func checkStatus(want []string, header http.Header, late int) (found []string) {
	text := strings.Join(header.Values("Cache-Status"), ", ")
	members := split(text, ',')
	params := map[string]string{}
	for _, part := range split(members[len(members)-1], ';')[1:] {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		params[name] = value
	}
	for _, w := range want {
		name, value, valued := strings.Cut(w, "=")
		name, not := strings.CutPrefix(name, "-")
		got, ok := params[name]
		if ok && got == "?0" { // a false Boolean says what its absence says
			ok = false
		}
		if ok == not || valued && !matches(value, got, late) {
			found = append(found, fmt.Sprintf("Cache-Status is %q, want %s", text, w))
		}
	}
	return found
}

// split divides at sep outside quoted strings.
func split(text string, sep byte) (list []string) {
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quoted:
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == sep && !quoted:
			list = append(list, text[start:i])
			start = i + 1
		}
	}
	return append(list, text[start:])
}
