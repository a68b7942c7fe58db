//go:build !linux

package spread

import "errors"

func prove(Rule) error { return errors.ErrUnsupported }

// Apply can set no rule but Hash on this system.
func Apply(r Rule, _ []int) error {
	if r != Hash {
		return errors.ErrUnsupported
	}
	return nil
}
