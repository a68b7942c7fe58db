package advice

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

// Step checks the arguments of a balancing transform and brings them to one form.
// It returns what is wrong, or "".
func Step(s *model.BalanceStep) string {
	if s.Name == "ratio" {
		r, err := model.ParseRatio(s.Args)
		if err != nil {
			return "ratio: " + err.Error()
		}
		s.Args = r.Args()
		return ""
	}
	wanted, example := 0, ""
	for _, t := range schema.Transforms() {
		if t.Name == s.Name {
			example = t.Name + t.Args
			if strings.Contains(t.Args, "(") && t.Args != "()" {
				wanted = 1
			}
		}
	}
	if s.Name == "hash" && !s.Key.Set() || s.Name != "hash" && len(s.Args) != wanted || len(s.Args) > 1 {
		return fmt.Sprintf("%s takes other arguments, such as %s", s.Name, example)
	}
	if len(s.Args) == 0 {
		return ""
	}
	arg := s.Args[0]
	switch s.Name {
	case "fresh":
		d, err := schema.Duration(arg)
		if err != nil || d <= 0 {
			return fmt.Sprintf(`fresh takes a duration above 0, such as "6s", not %q`, arg)
		}
		s.Args[0] = d.String()
	case "take":
		if n, err := strconv.Atoi(arg); arg != "log2" && (err != nil || n < 1) {
			return fmt.Sprintf(`take takes a number above 0 or "log2", not %q`, arg)
		}
	case "least":
		return oneOf("least", arg, "load", "connections", "latency")
	case "bounded":
		if f, err := strconv.ParseFloat(arg, 64); err != nil || f < 1 || f > 1000 {
			return fmt.Sprintf("bounded takes a factor from 1 to 1000, not %q", arg)
		}
	case "hash":
		return oneOf("hash", arg, "rendezvous", "maglev", "ring", "carp", "carp-squid", "sum")
	}
	return ""
}

func oneOf(name, word string, allowed ...string) string {
	if slices.Contains(allowed, word) {
		return ""
	}
	return fmt.Sprintf("%s takes %s, not %q", name, schema.List(allowed), word)
}

// PersistAttrs says which attributes each kind of persistence takes besides size, age, on_down and follow.
func PersistAttrs(kind string) []string {
	switch kind {
	case "cookie":
		return []string{"mode", "name", "max_age", "idle", "path", "domain", "http_only", "secure", "same_site"}
	case "source":
		return []string{"mask", "mask6"}
	}
	return []string{"name"}
}

// IsStatus reports a status of HTTP, 100 to 599.
func IsStatus(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 100 && n <= 599
}
