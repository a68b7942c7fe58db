// Command settings measures what the doctor's settings do to connections on this machine:
// each row runs the bench with a setting and without it, in turn, in network
// namespaces of its own, and the pairs are judged. Nothing outside of them is
// changed. It needs root, unshare, ip and taskset.
//
//	go run ./test/bench/settings [-only tcp.somaxconn,…] [-pairs N]
//
// What is for the whole kernel, such as huge pages, and what is the host's, it
// cannot try: docs/guide/vm.md says which.
package main
