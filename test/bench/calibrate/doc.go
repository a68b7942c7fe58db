// Command calibrate holds the generator of fishplate bench beside wrk: both ask
// the same server in turn, pinned to the same processor, the server to another,
// and the ratio of their rates is printed with its paired interval. Where it is
// off by more than a tenth, the command says so. It needs wrk and nginx, and
// writes its measurements below test/bench/results.
//
//	go run ./test/bench/calibrate
package main
