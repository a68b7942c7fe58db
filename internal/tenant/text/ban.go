package text

import (
	"fmt"
	"regexp/syntax"
	"strconv"
	"strings"
)

// Ban returns a ban expression of ours for one that may be in Varnish's words:
// terms of a field, one of == != ~ !~ < > <= >= and an argument with or without
// quotes, joined by &&. An expression that has none of its words is returned as
// it is.
func Ban(s string) (string, error) {
	if !strings.Contains(s, "req.") && !strings.Contains(s, "obj.http.") && !strings.Contains(s, "~") {
		return s, nil
	}
	var terms []string
	for _, term := range splitTerms(s) {
		t, err := banTerm(strings.TrimSpace(term))
		if err != nil {
			return "", err
		}
		terms = append(terms, t)
	}
	return strings.Join(terms, " && "), nil
}

// splitTerms cuts at && outside of quotes.
func splitTerms(s string) (terms []string) {
	quoted, from := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(s[i:], "&&"):
			terms = append(terms, s[from:i])
			from, i = i+2, i+1
		}
	}
	return append(terms, s[from:])
}

// banTerm translates one comparison.
func banTerm(term string) (string, error) {
	field, rest, ok := strings.Cut(term, " ")
	op, arg, also := strings.Cut(strings.TrimSpace(rest), " ")
	arg = strings.TrimSpace(arg)
	if !ok || !also || arg == "" {
		return "", fmt.Errorf("read ban: %q is no comparison", term)
	}
	if arg[0] == '"' {
		plain, err := strconv.Unquote(arg)
		if err != nil {
			return "", fmt.Errorf("read ban: %s: %w", arg, err)
		}
		arg = plain
	}
	switch {
	case field == "req.url":
		return banURL(op, arg)
	case field == "req.http.host", field == "req.http.Host":
		return banText("obj.host", op, arg)
	case strings.HasPrefix(field, "obj.http."):
		return banText("obj.header("+strconv.Quote(field[len("obj.http."):])+")", op, arg)
	case field == "obj.status", field == "obj.age", field == "obj.ttl":
		if op != "~" && op != "!~" {
			return field + " " + op + " " + arg, nil
		}
	}
	return "", fmt.Errorf("read ban: %s %s is not known", field, op)
}

func banText(field, op, arg string) (string, error) {
	switch op {
	case "==", "!=":
		return field + " " + op + " " + strconv.Quote(arg), nil
	case "~":
		return "match(" + field + ", " + strconv.Quote(arg) + ")", nil
	case "!~":
		return "!match(" + field + ", " + strconv.Quote(arg) + ")", nil
	}
	return "", fmt.Errorf("read ban: %q does not compare texts", op)
}

// beforePath is what an object's URL has before its path.
const beforePath = `^[a-z]*://[^/?]*`

// banURL compares path and query, which Varnish calls the URL; of an object that
// is what follows scheme and host.
func banURL(op, arg string) (string, error) {
	not := ""
	if op[0] == '!' {
		not = "!"
	}
	var pattern string
	switch op {
	case "==", "!=":
		re, err := syntax.Parse(arg, syntax.Literal)
		if err != nil {
			return "", fmt.Errorf("read ban: %w", err)
		}
		pattern = beforePath + "(?:" + re.String() + ")$"
	case "~", "!~":
		re, err := syntax.Parse(arg, syntax.Perl)
		if err != nil {
			return "", fmt.Errorf("read ban: %w", err)
		}
		before, err := syntax.Parse(beforePath, syntax.Perl)
		if err != nil {
			return "", fmt.Errorf("read ban: %w", err)
		}
		if !anchor(re, before) {
			pattern = beforePath + ".*"
		}
		pattern += "(?:" + re.String() + ")"
	default:
		return "", fmt.Errorf("read ban: %q does not compare texts", op)
	}
	return not + "match(obj.url, " + strconv.Quote(pattern) + ")", nil
}

// anchor puts before in the place of every ^, and reports whether there was one.
func anchor(re, before *syntax.Regexp) (found bool) {
	if re.Op == syntax.OpBeginText || re.Op == syntax.OpBeginLine {
		*re = *before
		return true
	}
	for _, sub := range re.Sub {
		found = anchor(sub, before) || found
	}
	return found
}
