// Package names finds the addresses of a host by its name, and tells a name that
// could not be asked for from one that nobody knows.
//
// It keeps nothing and connects to nobody but name servers; which of the addresses
// is used is the caller's business. Each call has a resolver of its own.
package names
