// Package grant says who may call in the name of a tenant: the holder of one of its
// tokens, for as long as the tenant has that token and is the same tenant. It
// answers nobody. A Grant ends by itself, when Check finds that it does not hold any
// more; it starts no goroutine.
package grant
