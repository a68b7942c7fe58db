// Package examples holds the demonstration tenants, compiled: hello in C and
// shop in C++. Their sources lie in src; test/guests/build.sh builds both.
package examples

import _ "embed"

// Hello greets, edits fields and forges one page (hello.c).
//
//go:embed hello.elf
var Hello []byte

// Shop routes by header and cookie, forges JSON and edits responses (shop.cpp).
//
//go:embed shop.elf
var Shop []byte
