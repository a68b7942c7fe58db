// Package balance chooses one server of a backend. A balancing policy is a
// pipeline of candidate transforms, each of which drops or reorders servers;
// the first one left is chosen. The classic names (roundrobin, leastconn,
// maglev, …) are pipelines of one step.
//
// A Table is one immutable compilation of a policy for one list of servers; it
// may be used by any number of goroutines and allocates nothing per choice.
// What changes while tables stay (state, connections, latency, reported load)
// is kept in Nodes, which outlive them and belong to the caller.
//
// It opens no connection, runs no timer and starts no goroutine: time is an
// argument. Queues, persistence and health live elsewhere.
package balance
