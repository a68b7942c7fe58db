// Package sdk holds the headers and crates that tenants' programs include, so that one
// binary can compile them.
package sdk

import "embed"

// Headers has the folders abi, c, cpp and rust.
//
//go:embed abi/*.h c/*.h cpp/*.h rust/Cargo.toml rust/src/*.rs
var Headers embed.FS
