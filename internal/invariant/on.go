//go:build invariant

package invariant

import "fmt"

// On reports that checks are compiled in.
const On = true

// Check panics with the formatted text when ok is false.
func Check(ok bool, format string, args ...any) {
	if !ok {
		panic("invariant: " + fmt.Sprintf(format, args...))
	}
}
