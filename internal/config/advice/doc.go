// Package advice judges plain values of the model. Policy says of a cache policy
// what cannot be and what is hardly meant, each with what to write instead;
// Reaches and HostName answer questions about addresses and names. What needs the whole configuration, and where things are written, is
// the caller's to know. It keeps nothing.
package advice
