//go:build race

package predicate

// pooled allocations are allowed under the race detector, which makes
// sync.Pool, and so regexp, forget on purpose.
const pooled = 4
