// Package report holds what a run of the doctor found, and writes it: as text for
// people, JSON, SARIF 2.1.0 for code scanners, JUnit for build servers, and the
// text format of Prometheus. It counts, compares with an earlier report, and says
// which exit status that makes; it looks at no machine.
//
// A report belongs to whoever made it, and no goroutine touches it.
package report
