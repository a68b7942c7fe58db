// Package tenant runs a tenant's program for a request: it loads the ELF, runs
// its start-up code once to the wait call, freezes it to an image, and then
// gives every admitted request a fork of its own to answer on_recv, on_hash, forge
// and on_deliver in, within exact budgets of instructions, time and memory.
//
// The host calls are one table (table.go): dispatch, sdk/abi/abi.h and
// docs/reference/abi.md come from it. A program has a storage machine too, which
// outlives requests and is made when somebody calls into it; a live update hands
// its state over.
//
// It does not choose routes, fetch, or write to clients; instructions are
// riscv's business.
//
// A Set owns the tenants and the permits. A Run belongs to one exchange and to
// one goroutine at a time; Release gives its forks back to their pool after
// everything that the request left in them is gone. Guests run on their
// caller's goroutine; a shadow has one of its own while requests wait for it.
package tenant
