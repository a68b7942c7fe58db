// Package tenant runs a tenant's program for a request: it loads the ELF, runs
// its start-up code once to the wait call, freezes it to an image, and then
// gives every admitted request a fork of its own to answer on_recv, on_hash, forge
// and on_deliver in, within exact budgets of instructions, time and memory.
//
// The host calls are one table (table.go): dispatch, sdk/abi/abi.h and
// docs/reference/abi.md come from it. Only the request machine of a program
// exists; there is no storage machine, so IS_STORAGE is always 0 and the two
// remote calls answer as calls that nobody handles.
//
// It does not choose routes, fetch, or write to clients; instructions are
// riscv's business.
//
// A Set owns the tenants and the permits. A Run belongs to one exchange and to
// one goroutine at a time; Release gives its forks back to their pool after
// everything that the request left in them is gone. The package starts no
// goroutine: guests run on their caller's.
package tenant
