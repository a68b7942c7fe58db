// Package script runs the end-to-end scripts of testdata: each is a txtar
// archive whose comment is the script and whose files are its folder. They run
// the real binary; README.md lists the commands that they may use beyond those
// of testscript.
package script
