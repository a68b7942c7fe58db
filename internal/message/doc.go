// Package message is the request and the response as every room sees them:
// a head whose fields point into the bytes that arrived, and the facts of the
// connection that it came on. It knows no syntax (http1 parses and writes) and
// no policy.
//
// A Header owns nothing but an arena for what was edited: received text stays
// in the buffer that its codec attached, and is valid until the exchange ends.
// Nothing here is safe for concurrent use; one exchange owns its messages.
package message
