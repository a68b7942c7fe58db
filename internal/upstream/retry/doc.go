// Package retry says which failures a request may survive by being sent again,
// and how many of them a backend can bear.
//
// It sends nothing and chooses no server. A Budget is safe for concurrent use; a
// Policy is immutable.
package retry
