// Package program makes an ELF file of a tenant's program in whatever form it
// comes: an ELF file as it is; a C or C++ file; a folder with Cargo.toml or
// go.mod. Sources are compiled with the toolchain that the machine has, against
// the SDK that is built into this binary.
//
// What was compiled is kept in a folder, found by what it was made from: the
// recipe, the compiler's version, and the content of every file that the
// compiler read. So a reload of unchanged sources compiles nothing, and one of
// changed sources never serves the old program.
//
// It runs nothing of what it makes, and knows no tenants. A Builder may be used
// concurrently; one compiler runs at a time, and is ended with the context of
// the caller. Sources are the operator's: their build scripts run as this
// process does.
package program
