package fishplate

// Error is what a call answered instead of a result. Compare with errors.Is, or
// by value.
type Error int

// The errors of calls.
const (
	ErrNone     Error = -1 // there is no such thing
	ErrInvalid  Error = -2 // an argument or a text is not well-formed
	ErrLimit    Error = -3 // a limit of the tenant is reached
	ErrTime     Error = -4 // the time that was given is over
	ErrFailed   Error = -5 // it was tried and failed
	ErrDenied   Error = -6 // the tenant may not
	ErrConflict Error = -7 // somebody else was first
	ErrStage    Error = -8 // not in this callback
)

// known are the errors by their numbers, so that none is made when it happens.
var known = [...]error{
	-ErrNone: ErrNone, -ErrInvalid: ErrInvalid, -ErrLimit: ErrLimit, -ErrTime: ErrTime,
	-ErrFailed: ErrFailed, -ErrDenied: ErrDenied, -ErrConflict: ErrConflict, -ErrStage: ErrStage,
}

// failure is the error of a negative result.
func failure(n int) error {
	if n > -len(known) {
		return known[-n]
	}
	return Error(n)
}

// Error says what the number means.
func (e Error) Error() string {
	switch e {
	case ErrNone:
		return "there is no such thing"
	case ErrInvalid:
		return "not well-formed"
	case ErrLimit:
		return "a limit is reached"
	case ErrTime:
		return "the time is over"
	case ErrFailed:
		return "it was tried and failed"
	case ErrDenied:
		return "not allowed"
	case ErrConflict:
		return "somebody else was first"
	case ErrStage:
		return "not in this callback"
	}
	return "unknown error"
}

// LastError is what the host tells of the last error of a call, "" if nothing.
func LastError() string {
	s, _ := ask(SysErrorText)
	return s
}
