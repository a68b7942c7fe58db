//go:build !race

package predicate

// pooled allocations are not allowed in an ordinary build.
const pooled = 0
