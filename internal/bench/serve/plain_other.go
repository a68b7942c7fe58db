//go:build !linux

package serve

import "errors"

func startPlain(Options, talk) (*Server, error) { return nil, errors.ErrUnsupported }

func threadID() int { return 0 }
