// Package router finds the route of a request: the vhost by host name (exact,
// then the longest wildcard, then the TLS server name, then the vhost for any
// host), and in it the first route, in file order, whose path, methods and
// predicate match. It can say of every route why it matched or not.
//
// A path "/assets/*" matches what begins with "/assets/", and not "/assets"
// itself; the tail is what follows that slash. "~re" matches where the regular
// expression (RE2) does, and leaves no tail. Anything else is the one path that it names. Paths are
// compared in the normal form that http1 gives to every request's path.
//
// The room does not balance, limit or edit. A Router is immutable and free of
// locks; it holds no goroutine and nothing of a request.
package router
