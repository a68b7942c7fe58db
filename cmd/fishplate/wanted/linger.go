package wanted

import "time"

// Linger is how long a listening socket that a change gives up waits, hidden from
// everybody else, for handshakes that began before: for the slowest networks, and for
// clients that accept.defer keeps until they speak. The kernel asks those again after
// 1, 3, 7, 15 s and so on, until that is the time that they are kept; somebody may have
// been asked just now.
func Linger(deferred time.Duration) time.Duration {
	pause := time.Second
	for asked := pause; asked < deferred; asked += pause {
		pause *= 2
	}
	return pause + 500*time.Millisecond
}
