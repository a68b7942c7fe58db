// Command store measures the memory tier of the cache alone, in this process:
// hits on two cores beside one, with a million objects beside a thousand, the
// collector and the slowest hits with five million objects beside a thousand, what
// the process grows by beside what the store says, and purges by tag. It prints
// medians, ratios and whether bars are met, and stores all rounds under
// test/bench/results.
//
//	go run ./test/bench/store [-rounds 5] [-objects 5000000] [-only cores,...]
package main
