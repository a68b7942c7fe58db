// Package feature holds the end-to-end tests of what a site can do: each
// configures the real binary, speaks raw bytes to it, and looks at the bytes
// that the client and the server saw.
package feature
