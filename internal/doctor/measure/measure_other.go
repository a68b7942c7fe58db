//go:build !linux

package measure

import (
	"errors"
	"time"
)

// native are none where the system is not Linux.
func native() []probe { return nil }

// WakeUp cannot be measured.
func WakeUp(time.Duration) (time.Duration, error) { return 0, errors.ErrUnsupported }
