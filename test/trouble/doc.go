// Package trouble holds the end-to-end tests of bad input and bad luck: what
// clients, servers, programs and operators do wrong, against the real binary
// over real sockets. Every test also asserts what was logged or counted, since
// a fault that nobody can see is half a defence.
package trouble
