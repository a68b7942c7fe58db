package cause

import (
	"errors"
	"time"

	"fishplate/internal/message"
)

// Fault makes a Fault of a cause of the table.
func Fault(side message.Side, word string, err error) *message.Fault {
	return &message.Fault{Side: side, Step: "fetch", Status: Status(word), Cause: word, Err: err}
}

// Busy is a 503 that says when to come again.
func Busy(word string, after time.Duration) *message.Fault {
	f := Fault(message.SideSelf, word, nil)
	f.RetryAfter = max(after, time.Second)
	return f
}

// Classify turns an error of a connection to a server into a Fault whose cause
// is of the table. An error that is a Fault is returned as it is.
func Classify(phase Phase, err error) *message.Fault {
	var known *message.Fault
	if errors.As(err, &known) {
		return known
	}
	word := Word(phase, err)
	if word == Descriptors || word == Ports {
		f := Busy(word, 0)
		f.Err = err
		return f
	}
	f := Fault(message.SideOrigin, word, err)
	f.Retry = phase != ReadingBody
	return f
}
