//go:build !invariant

package invariant

// On reports that checks are compiled out.
const On = false

// Check does nothing.
func Check(bool, string, ...any) {}
