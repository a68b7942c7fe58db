// Package sdk holds the headers that tenants' programs include, so that one
// binary can compile them.
package sdk

import "embed"

// Headers has the folders abi, c and cpp.
//
//go:embed abi/*.h c/*.h cpp/*.h
var Headers embed.FS
