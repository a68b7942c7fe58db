// Package cert makes the TLS configurations of listeners: certificates from
// files, chosen by the server name that a client asks for, session tickets
// under keys that all listeners share and that change with time, and client
// certificates. It opens no socket and serves no connection.
//
// A Store is the estate: it owns the ticket keys and one goroutine that turns
// them, which Close ends. Each generation gets fresh *tls.Config values from
// Prepare; they are immutable but for their ticket keys, and for the certificates:
// the configurations that a listener had and has present what was committed last.
package cert
