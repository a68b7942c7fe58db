// Package metrics counts. A Set is a row of sharded counters that the request
// path adds to without sharing a cache line; the tables in this package name
// every counter that the product has, with its unit and meaning, and are what
// /metrics, status and docs/reference/metrics.md are printed from.
//
// It does not expose anything itself: admin does. Nothing here blocks.
package metrics
