// Package starter holds the projects that the verb guest new writes: a tenant's
// first program in each language, with a configuration that serves it.
//
// Files of a language stand in the folder of its name, those of every language
// in all. A name that ends in .txt loses that; @NAME@ becomes the project's
// name and @PROGRAM@ what its configuration names. Nothing here is compiled with
// the product, and the package keeps no state.
package starter
