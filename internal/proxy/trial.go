package proxy

import "fishplate/internal/cache"

// A trial is an open esi:try: its attempt is kept until all of it is there, as
// the client must not see the begin of what may fail.
type trial struct {
	at     cache.ESIKind // ESIAttempt, ESIExcept, or ESITry between them
	kept   []byte        // of the attempt
	failed bool          // the attempt
}

// skips reports whether what comes is dropped: an except whose attempt went
// well, and the rest of an attempt that failed.
func (t *trial) skips() bool {
	return t.at == cache.ESIExcept && !t.failed || t.at == cache.ESIAttempt && t.failed
}

// keep adds to the attempt. One that outgrows its bound has failed.
func (t *trial) keep(b []byte) {
	if len(t.kept)+len(b) > attemptMost {
		t.failed = true
		t.kept = nil
		return
	}
	t.kept = append(t.kept, b...)
}

// bracket opens or closes try, attempt and except. They come balanced.
func (c *composer) bracket(k cache.ESIKind) {
	if k == cache.ESITry {
		c.tries = append(c.tries, trial{at: k})
		return
	}
	last := len(c.tries) - 1
	t := &c.tries[last]
	switch k {
	case cache.ESIAttempt, cache.ESIExcept:
		t.at = k
	case cache.ESIAttemptEnd:
		t.at = cache.ESITry
		if !t.failed {
			c.put(t.kept)
		}
		t.kept = nil
	case cache.ESIExceptEnd:
		t.at = cache.ESITry
	case cache.ESITryEnd:
		c.tries = c.tries[:last]
	}
}

// attempt returns the innermost attempt that is open, nil without one.
func (c *composer) attempt() *trial {
	for i := len(c.tries) - 1; i >= 0; i-- {
		if c.tries[i].at == cache.ESIAttempt {
			return &c.tries[i]
		}
	}
	return nil
}

// skipping reports whether what comes is dropped.
func (c *composer) skipping() bool {
	for i := range c.tries {
		if c.tries[i].skips() {
			return true
		}
	}
	return false
}
