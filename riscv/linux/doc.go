// Package linux runs a static Linux program on a machine of package riscv: it
// lays out the process (arguments, environment, auxiliary vector, stack, heap,
// mmap area) and serves the system calls that C, C++ and Rust programs make.
//
// It is one process with one thread and no outside but its standard streams and
// what Config gives it: no network, no children, no host files unless a
// read-only file system is configured. What is not served answers ENOSYS, as an
// old kernel would; what a program handed in a bad pointer answers EFAULT. All
// memory of the guest is reached through the machine's checked accessors.
//
// A Process belongs to one goroutine at a time and starts none. It does not own
// the machine: the caller closes that.
package linux
