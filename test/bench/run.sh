#!/usr/bin/env bash
# Runs every comparison; arguments go to the program: -rounds 3 -only idle …
set -eu
ulimit -n 65536
exec go run ./test/bench "$@"
