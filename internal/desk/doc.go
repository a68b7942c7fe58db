// Package desk runs and prints one guest program for the person in front of it:
// the work of the verbs guest run, disasm, gdb and profile. No tenant and no running
// process is involved.
//
// It owns what it makes: the machine is closed before Run returns. The one
// goroutine that it may leave behind waits for input that never came, when a
// run was interrupted; it ends with the process.
package desk
