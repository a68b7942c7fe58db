package upstream

import (
	"fishplate/internal/message"
	"fishplate/internal/upstream/cause"
)

// Cause is one row of the table of what can go wrong on the way to a server.
type Cause = cause.Cause

// Causes returns the table of causes.
func Causes() []Cause { return cause.Table() }

// Phase says what a request was doing when its connection failed.
type Phase = cause.Phase

// The phases.
const (
	Connecting   = cause.Connecting
	Sending      = cause.Sending
	AwaitingHead = cause.AwaitingHead
	ReadingBody  = cause.ReadingBody
)

// Classify turns an error of a connection to a server into a Fault whose cause
// is of the table Causes. An error that is a Fault is returned as it is.
func Classify(phase Phase, err error) *message.Fault { return cause.Classify(phase, err) }
