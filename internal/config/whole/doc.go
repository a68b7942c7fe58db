// Package whole judges a configuration that has been built: names that must
// exist, names that must differ, files and certificates that must be there, and
// what is legal but hardly meant. Where things are written, and how complaints are
// told, is its caller's to know. It keeps nothing and changes nothing.
package whole
