// Package place says what the machine is made of: the hardware, the hypervisors
// and clouds above it, the container around us, as a stack of layers, each with
// the evidence for it and with how much that is worth.
//
// A single word would hide half of it: a container on a virtual machine is both.
// A mark that an image may have brought along, such as /.dockerenv, is believed
// only when something of the kernel speaks for it. The package judges nothing;
// it keeps nothing and starts nothing.
package place
