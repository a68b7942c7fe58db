// Package config turns text into a model.Config: HCL 2 in its native syntax or
// its JSON twin, one file or a folder, and tenants files as they are. It finds
// every mistake in one pass and says where it stands, what is allowed there and
// what was probably meant.
//
// One table (Schema) describes every block and attribute; the decoder, the
// diagnostics and the reference page all read it, so none can drift from it.
//
// It opens nothing but files of the fs.FS it is given, asks no clock (the caller
// says what time it is) and keeps no state but in a Memory that the caller gives.
// What Load returns is changed by nobody: with a Memory, later
// configurations have nouns of it. Nothing here runs a goroutine.
package config
