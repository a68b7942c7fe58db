// Package given joins what makes a program by the API a change: the tenants, which
// look at it and run it, the shelf, which keeps it, and the Controller, which
// makes the change and remembers it. It decides nothing itself, and owns no
// goroutine.
package given
