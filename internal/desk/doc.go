// Package desk runs and prints one guest program for the person in front of it:
// the work of the verbs guest run, disasm, gdb and profile. It repeats the recording
// of a request to a tenant, for tenant replay, and joins gdb with a request that a
// running process chose, for tenant gdb. It asks no running process itself.
//
// It owns what it makes: the machine is closed before Run returns. The one
// goroutine that it may leave behind waits for input that never came, when a
// run was interrupted; it ends with the process.
package desk
