// Package sdk holds the headers and crates that tenants' programs include, so that one
// binary can compile them.
package sdk

import "embed"

// Headers has the folders abi, c, cpp, go and rust. The file go.mod of the module
// in go is called go.mod.txt, since none can be embedded.
//
//go:embed abi/*.h c/*.h cpp/*.h go/*.go go/*.s go/go.mod.txt rust/Cargo.toml rust/src/*.rs
var Headers embed.FS
