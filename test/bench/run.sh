#!/usr/bin/env bash
# Runs every comparison; arguments go to the program: -rounds 3 -only idle …
set -eu
exec go run ./test/bench "$@"
