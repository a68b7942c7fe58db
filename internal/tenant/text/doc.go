// Package text does for guests what they would do slowly themselves: regular
// expressions and substitution, globs, base64, hexadecimal and percent-coding,
// parameters of queries and segments of paths. It also reads the ban expressions
// of guests that know Varnish's.
//
// It knows no machine and charges nothing: what a call costs is the caller's
// business. Results are new memory. A Cache of compiled expressions is bounded
// and safe for concurrent use.
package text
