// Package file reads what people name, and makes what is written outlive the
// machine.
//
// Whoever writes a configuration may name a pipe, a socket or a device in it, by
// mistake or not. To read one of those may take for ever, or have an effect on the
// device: here they are errors, at once, and so is a file that is larger than its
// reader expects. Folder and Sync put a new name on disk, which takes more than
// to write the file.
//
// It knows nothing of what the files mean, keeps none open, and starts no
// goroutine. Bytes that it returns are the caller's.
package file
