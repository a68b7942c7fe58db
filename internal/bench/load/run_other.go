//go:build !linux

package load

import (
	"context"
	"errors"
	"fmt"
)

// Run needs Linux.
func Run(context.Context, Plan, Window) (*Tally, error) {
	return nil, fmt.Errorf("make load: %w", errors.ErrUnsupported)
}
