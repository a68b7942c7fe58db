#!/bin/sh
# Builds the examples, and the guests that tests use with them.
exec "$(dirname "$0")/../../test/guests/build.sh" "$@"
