//go:build !race

package store

const raced = 1
