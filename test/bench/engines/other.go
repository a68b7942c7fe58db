//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "engines: measure on Linux, whose clocks and system calls this uses")
	os.Exit(1)
}
