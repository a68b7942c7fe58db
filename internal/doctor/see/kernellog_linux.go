package see

import "golang.org/x/sys/unix"

// kernelLog is the kernel's log as dmesg has it. /dev/kmsg is the same, but a
// read at its end waits for the next message.
func kernelLog() ([]byte, error) {
	const readAll, size = 3, 10
	n, err := unix.Klogctl(size, nil)
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(n, maxFile))
	n, err = unix.Klogctl(readAll, b)
	if err != nil {
		return nil, err
	}
	return b[:n], nil
}
