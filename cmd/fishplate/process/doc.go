// Package process is what the verb serve runs: every room of the house, made
// in order, connected, and ended in reverse.
//
// Process is the running whole; estate is the part of it that outlives a
// generation, and the Builder of generations for control. What the admin API
// asks is answered here, out of the rooms.
//
// It parses no command line and prints nothing but problems. The process owns
// every room and goroutine that it starts; Serve returns when all have ended.
package process
