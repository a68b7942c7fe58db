#!/bin/sh
# Writes abi.h, the numbers of the SDKs for Go and Rust, and docs/reference/abi.md from the host's table of calls.
set -eu
cd "$(dirname "$0")/../.."
go test ./internal/tenant -run '^TestGenerated$' -count=1 -update >/dev/null
