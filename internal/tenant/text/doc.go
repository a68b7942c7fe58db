// Package text does for guests what they would do slowly themselves: regular
// expressions, substitution and base64.
//
// It knows no machine and charges nothing: what a call costs is the caller's
// business. Results are new memory. A Cache of compiled expressions is bounded
// and safe for concurrent use.
package text
