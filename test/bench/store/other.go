//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: measure on Linux, whose /proc this reads")
	os.Exit(1)
}
