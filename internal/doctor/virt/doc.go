// Package virt has the checks of what the machine is: the hypervisor and its
// mode, the cloud, the container, the kernel, and which paravirtual help the
// guest gets.
//
// Most of it cannot be changed from inside; it selects and explains the checks
// of the other rooms. Rows are values, and looking keeps nothing.
package virt
