// Command calibrate holds the generator of fishplate bench beside wrk, and beside
// ab and h2load where they are installed: all ask the same server in turn, pinned
// to the same processor, the server to another, and the ratios of their rates are
// printed with wrk's paired interval.
//
// Two generators must find the same where the server is the limit. nginx answers
// a small request faster than a client can ask on one processor, so there are
// rows in which it has hundreds of expressions to try first. A row that is off by
// more than a tenth says whether wrk's processor was full, which makes wrk the
// limit and not the server. It needs wrk and nginx, and writes its measurements
// below test/bench/results.
//
//	go run ./test/bench/calibrate
package main
