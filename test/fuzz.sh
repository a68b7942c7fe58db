#!/usr/bin/env bash
# Runs every fuzz target of the module for the time given, one after another.
set -u
time=${1:-20s}
status=0
while IFS=: read -r file _ line; do
  name=$(sed -E 's/func (Fuzz[A-Za-z0-9_]*).*/\1/' <<<"$line")
  echo "fuzz $(dirname "$file") $name"
  go test "./$(dirname "$file")" -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 5s || status=1
done < <(git ls-files '*_test.go' | xargs grep -Hn '^func Fuzz')
exit $status
