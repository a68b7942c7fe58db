// Package docs holds the tests of the documents: every block of configuration
// in them passes the check of the binary, every link leads somewhere, and the
// lists in them are those of the code.
//
// It does not judge prose, and it does not run the shell commands that the
// guides print.
package docs
