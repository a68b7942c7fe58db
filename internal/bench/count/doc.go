// Package count reads what the kernel counts while a benchmark runs: TCP's
// counters, softnet's, interrupts, scheduling, throttling, stolen time, and
// what single threads of a process used. Its readers take the text of a file
// and never fail: what a kernel does not count is absent.
//
// Sample owns nothing and starts nothing. Which of the numbers mean something
// is decided elsewhere.
package count
