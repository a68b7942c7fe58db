package queue

import (
	"fmt"
	"strconv"

	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// Priority compiles the queue's priority: a number, or a string that
// holds one. A request without it has priority 0.
func Priority(q *model.Queue, o predicate.Options) (func(*predicate.Env) float64, error) {
	if q == nil || !q.Priority.Set() {
		return func(*predicate.Env) float64 { return 0 }, nil
	}
	if n, problems := predicate.CompileNumber(q.Priority, o); !problems.HasErrors() {
		return func(e *predicate.Env) float64 { v, _ := n.Eval(e); return v }, nil
	}
	v, problems := predicate.CompileString(q.Priority, o)
	if problems.HasErrors() {
		return nil, fmt.Errorf("compile priority: %w", problems)
	}
	return func(e *predicate.Env) float64 {
		var room [32]byte
		text, _ := v.Append(room[:0], e)
		n, err := strconv.ParseFloat(string(text), 64)
		if err != nil || n != n {
			return 0
		}
		return n
	}, nil
}
