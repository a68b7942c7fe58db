//go:build !linux

package main

func main() { println("calibrate: it pins processes, which needs Linux") }
