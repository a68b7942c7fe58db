// Package bounds counts what callers of the API may do at once: wrong tokens by
// address, calls and uploads by tenant. It answers nobody, and knows nothing of
// HTTP. What it holds is bounded by MaxStrangers and by the number of tenants;
// everything is safe for concurrent use and starts no goroutine.
package bounds
