//go:build !race

package router

// pooled allocations are not allowed in an ordinary build.
const pooled = 0
