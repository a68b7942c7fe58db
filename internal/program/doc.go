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
// Compilers, and the build scripts that they run, are confined as far as the
// system can: to the files of the source and of the toolchain, to an environment
// without the server's variables, to bounds of time, memory and files. They may
// use the network. It runs nothing of what it makes, and knows no tenants. A
// Builder may be used concurrently; one compiler runs at a time, and is ended,
// with all that it started, with the context of the caller.
package program
