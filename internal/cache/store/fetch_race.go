//go:build race

package store

// fetch does nothing where its reads, which race by intention, would be reported.
func (c *core) fetch([]*Object) {}

// foresee does nothing here: it reads records that nobody pinned.
func (c *core) foresee(uint32) {}
