package cert

import (
	"crypto/rand"
	"fmt"
	"time"
)

// keysKept is how many ticket keys decrypt: tickets stay good for that many
// periods less one after they were issued, and no key lives longer.
const keysKept = 3

// defaultPeriod is how long a ticket key encrypts.
const defaultPeriod = 12 * time.Hour

// keyring holds ticket keys, the one that encrypts first.
type keyring struct {
	list  [][32]byte
	since time.Time
}

// turn puts a new key in front and drops the oldest.
func (k *keyring) turn(now time.Time) error {
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return fmt.Errorf("make ticket key: %w", err)
	}
	list := append([][32]byte{key}, k.list...)
	k.list, k.since = list[:min(len(list), keysKept)], now
	return nil
}
