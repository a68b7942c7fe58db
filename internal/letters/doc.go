// Package letters makes of a stranger's text one that only says something: names in
// a file that somebody sent, or what a machine calls its parts, must not steer the
// terminal that they are shown on, nor turn its writing round.
//
// It is for people's eyes: no text is made fit for HTML, a shell or a query by it. It
// keeps nothing, and starts no goroutine.
package letters
