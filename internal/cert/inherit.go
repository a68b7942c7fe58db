package cert

import (
	"slices"
	"time"
)

// Keys are the session ticket keys of a Store, the one that encrypts first.
type Keys struct {
	List  [][32]byte `json:"list"`
	Since time.Time  `json:"since"` // when the first began to encrypt
}

// Keys returns the keys, for a process that takes this one's place.
func (s *Store) Keys() Keys {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Keys{slices.Clone(s.keys.list), s.keys.since}
}

// Inherit takes the keys of the process before, so that clients resume their
// sessions. It is called before the first Prepare.
func (s *Store) Inherit(k Keys) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keyring{list: k.List[:min(len(k.List), keysKept)], since: k.Since}
}
