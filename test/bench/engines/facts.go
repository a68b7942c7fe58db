//go:build linux

package main

import "runtime/debug"

// wazeroVersion is the peer's version, which is linked into this program.
func wazeroVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/tetratelabs/wazero" {
				return "wazero " + m.Version
			}
		}
	}
	return "wazero"
}
