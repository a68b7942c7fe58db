package upstream

import (
	"errors"
	"time"

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

// fault makes a Fault of a cause of the table.
func fault(side message.Side, word string, err error) *message.Fault {
	return &message.Fault{Side: side, Step: "fetch", Status: cause.Status(word), Cause: word, Err: err}
}

// busy is a 503 that says when to come again.
func busy(word string, after time.Duration) *message.Fault {
	f := fault(message.SideSelf, word, nil)
	f.RetryAfter = max(after, time.Second)
	return f
}

// Classify turns an error of a connection to a server into a Fault whose cause
// is of the table Causes. An error that is a Fault is returned as it is.
func Classify(phase Phase, err error) *message.Fault {
	var known *message.Fault
	if errors.As(err, &known) {
		return known
	}
	word := cause.Word(phase, err)
	if word == cause.Descriptors {
		f := busy(word, 0)
		f.Err = err
		return f
	}
	f := fault(message.SideOrigin, word, err)
	f.Retry = phase != ReadingBody
	return f
}
