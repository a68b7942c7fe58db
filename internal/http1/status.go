package http1

import "net/http"

// StatusText returns the reason phrase of a status code (RFC 9110 §15), "" for
// one that has none.
func StatusText(code int) string { return http.StatusText(code) }
