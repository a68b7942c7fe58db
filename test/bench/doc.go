// Command bench measures Fishplate beside nginx and HAProxy, and as a cache
// beside Varnish too: the same work, on one pinned core, in rounds that take
// turns, so that a drift of the machine hits all of them alike. Load and origin
// run on the other core. It prints medians, ratios to the best peer and whether
// each bar is met, and stores every round with the machine's facts under
// test/bench/results. A hit is proven to be one before it is measured: the
// origin numbers its answers.
//
// Short connections (-only accept) are answered by the servers themselves, and
// -only accept-options compares options of our accept path with its defaults,
// round by round.
//
//	go run ./test/bench [-rounds 5] [-seconds 3] [-only keepalive-64,cache,...]
package main
