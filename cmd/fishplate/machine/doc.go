// Package machine says what memory the machine, and the control groups that the
// process is in, let it have. It asks the files of the system below a root, which
// tests make up; where there are none, nothing is known. It keeps nothing.
package machine
