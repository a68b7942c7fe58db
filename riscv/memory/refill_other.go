//go:build !amd64

package memory

// refiller returns what makes one of n pages as its original is.
func refiller(int) func(page, data *[PageSize]byte) { return refillPlainly }
