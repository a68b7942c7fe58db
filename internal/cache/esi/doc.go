// Package esi reads Edge Side Includes (ESI 1.0, the W3C note of August 2001)
// out of a page that arrives in pieces: include, remove, comment, try with its
// attempt and except, and the comment <!--esi … -->. Every other byte passes
// through as it came, within CDATA sections even ESI tags. Elements of the note
// that are not in this list (inline, choose, vars) pass through as text too.
//
// It fetches nothing and evaluates nothing. What an include stands for, how deep
// pages may nest, how many there may be and what an error means is for the
// caller; Resolve turns a src into a request target of the parent's own virtual
// host, and into nothing else.
//
// A Parser keeps at most one unfinished tag (Options.MaxTag bytes). Its events
// point into the piece that was fed or into the parser, until the next call.
// Nothing here starts goroutines or is safe for concurrent use.
package esi
