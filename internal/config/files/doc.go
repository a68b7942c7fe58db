// Package files reads what a configuration consists of, each file once, and bounds it:
// how much text there is, how deep files include files, how many, and how many names
// are looked at for patterns. Names that lead to one file by links are told apart from
// names of different files, and names are shortened for people. It knows no syntax.
package files
