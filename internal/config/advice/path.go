package advice

import (
	"errors"
	"fmt"
	"strings"

	"fishplate/internal/model"
)

// Path says what is wrong with a route's path, of which there are three forms, and what
// to write instead; "" is nothing. An expression is counted.
func Path(p string, patterns *model.Patterns) (problem, suggestion string) {
	switch {
	case p == "":
	case strings.HasPrefix(p, "~"):
		if err := patterns.Add(p[1:]); errors.Is(err, model.ErrPattern) {
			return fmt.Sprintf("path %.200q: %v", p, err), "counted repetitions multiply what they repeat"
		} else if err != nil {
			return fmt.Sprintf("path %q: %v", p, err), "expressions are RE2: no look-around, no back-references"
		}
	case !strings.HasPrefix(p, "/") && p != "*":
		return fmt.Sprintf(`a path starts with "/" or "~", not %q`, p), fmt.Sprintf("write %q", "/"+p)
	case strings.Contains(strings.TrimSuffix(p, "/*"), "*") && p != "*":
		return fmt.Sprintf(`"*" stands only at the end of a path, after "/", not as in %q`, p), `use an expression: "~^/a/[^/]+/b$"`
	case strings.ContainsAny(p, "?# "):
		return fmt.Sprintf("a path holds no query: %q", p), `ask for it in a predicate: when = query("name") == "value"`
	}
	return "", ""
}
