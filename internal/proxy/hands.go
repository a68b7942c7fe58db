package proxy

import "sync/atomic"

// idleHands is how many goroutines are kept for the next connections.
const idleHands = 64

// hands are goroutines that lead sessions one after the other. A new goroutine
// begins with a small stack, which is copied to larger ones while its first
// request is led: for a connection with one request that is a tenth of the work.
type hands struct {
	idle   chan chan func()
	closed atomic.Bool
}

func newHands() hands { return hands{idle: make(chan chan func(), idleHands)} }

// lead leads a new session on a goroutine that is free, or on a new one.
func (h *hands) lead(session func()) {
	select {
	case hand := <-h.idle:
		hand <- session
	default:
		go h.work(session)
	}
}

// work leads a session, and those that are given to it while it is idle.
func (h *hands) work(session func()) {
	next := make(chan func(), 1)
	for session != nil {
		session()
		select {
		case h.idle <- next:
		default:
			return
		}
		if h.closed.Load() {
			h.release()
		}
		session = <-next
	}
}

// close lets the idle goroutines end, and each other one behind its session.
func (h *hands) close() {
	h.closed.Store(true)
	h.release()
}

func (h *hands) release() {
	for {
		select {
		case hand := <-h.idle:
			close(hand)
		default:
			return
		}
	}
}
