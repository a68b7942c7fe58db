package share

import "golang.org/x/sys/unix"

// Limit is how many descriptors the process may have.
func Limit() int64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return unknown
	}
	return int64(min(limit.Cur, unknown))
}

const unknown = 1 << 30
