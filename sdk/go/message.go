package fishplate

import "unsafe"

// Message is one of the messages that a program can look at and change.
type Message int

// The messages. Which there are depends on the stage; asking for another one
// ends the request with a fault.
const (
	req    Message = 0
	resp   Message = 2
	obj    Message = 3
	bereq  Message = 4
	beresp Message = 5
)

// Lines of a message by number. Fields begin at FirstField, and are whole lines.
const (
	LineMethod   = 0
	LineURL      = 1
	LineProtocol = 2
	LineStatus   = 3
	LineReason   = 4
	FirstField   = 6
)

// Line returns a line by its number. ErrNone: there is none.
func (m Message) Line(i int) (string, error) {
	// This call is older than the others: it copies nothing when there is no room
	// for the text and its NUL, and says so by -1.
	n := Call(SysFieldRetrieve, uintptr(m), uintptr(i), 0, 0)
	if n <= 0 {
		return "", done(n)
	}
	b := make([]byte, n+1)
	n = Call(SysFieldRetrieve, uintptr(m), uintptr(i), uintptr(first(b)), uintptr(n))
	if n < 0 {
		return "", failure(n)
	}
	return unsafe.String(unsafe.SliceData(b), n), nil
}

// line is a line that there always is.
func (m Message) line(i int) string {
	s, _ := m.Line(i)
	return s
}

// Find returns the number of the first field of that name. ErrNone: there is none.
func (m Message) Find(name string) (int, error) {
	return count(Call(SysHTTPFind, uintptr(m), uintptr(start(name)), uintptr(len(name))))
}

// Value returns the value of the first field of that name. ErrNone: there is none;
// ErrStage: nor the message.
func (m Message) Value(name string) (string, error) {
	return text(func(b []byte) int {
		return Call(SysFieldValue, uintptr(m), uintptr(start(name)), uintptr(len(name)), uintptr(first(b)), uintptr(len(b)))
	})
}

// Get is Value, with "" when there is no such field.
func (m Message) Get(name string) string {
	s, _ := m.Value(name)
	return s
}

// Headers returns all fields, a line each.
func (m Message) Headers() (string, error) { return ask(SysHeaders, uintptr(m)) }

// Add appends a field. The host refuses what is not well-formed, and fields that
// are its own business.
func (m Message) Add(name, value string) error {
	_, err := m.Append(name + ": " + value)
	return err
}

// Append appends a whole line and returns its number. ErrNone: it is refused,
// since it has control bytes or is a field of the codec.
func (m Message) Append(line string) (int, error) {
	return count(Call(SysFieldAppend, uintptr(m), uintptr(start(line)), uintptr(len(line))))
}

// Set makes the fields of that name one, with that value. ErrInvalid: refused as
// by Append.
func (m Message) Set(name, value string) error {
	return done(Call(SysFieldReplace, uintptr(m), uintptr(start(name)), uintptr(len(name)), uintptr(start(value)), uintptr(len(value))))
}

// SetLine replaces a line by its number: a whole field, or method and URL.
// ErrNone: refused as by Append. A number that does not exist ends the call.
func (m Message) SetLine(i int, line string) error {
	return done(Call(SysFieldSet, uintptr(m), uintptr(i), uintptr(start(line)), uintptr(len(line))))
}

// Del removes the fields of that name and returns how many there were. What may
// not be removed counts as none.
func (m Message) Del(name string) int {
	return max(0, Call(SysFieldRemove, uintptr(m), uintptr(start(name)), uintptr(len(name))))
}

// DelLine removes a field by its number; those behind it move up.
func (m Message) DelLine(i int) error { return done(Call(SysFieldUnset, uintptr(m), uintptr(i))) }

// DelMatching removes the fields whose line matches and returns how many.
func (m Message) DelMatching(x Regex) int {
	return max(0, Call(SysHTTPUnsetRe, uintptr(m), uintptr(x)))
}

// Copy appends a line of this message to another one and returns its number
// there.
func (m Message) Copy(i int, to Message) (int, error) {
	return count(Call(SysHTTPCopy, uintptr(m), uintptr(i), uintptr(to)))
}

// CopyOver replaces a line by one of another message.
func (m Message) CopyOver(i int, from Message, fromLine int) error {
	return done(Call(SysFieldCopy, uintptr(m), uintptr(i), uintptr(from), uintptr(fromLine)))
}

// ReplaceIn replaces within a line what matches by a text with \0 to \9.
func (m Message) ReplaceIn(i int, x Regex, by string, all bool) error {
	return done(Call(SysRegsubHdr, uintptr(x), uintptr(m), uintptr(i), uintptr(start(by)), uintptr(len(by)), flag(all)))
}

// Rollback makes the message what it was when it came.
func (m Message) Rollback() { Call(SysHTTPRollback, uintptr(m)) }

func flag(b bool) uintptr {
	if b {
		return 1
	}
	return 0
}

// Reply is a response on its way.
type Reply struct{ Message }

// Status returns the status, 200 to 599.
func (r Reply) Status() int { return Call(SysHTTPSetStatus, uintptr(r.Message), ^uintptr(0)) }

// SetStatus changes it, where that leaves the body what it is.
func (r Reply) SetStatus(n int) error {
	return done(Call(SysHTTPSetStatus, uintptr(r.Message), uintptr(n)))
}

// Response is an answer by value.
type Response struct {
	Status int
	Type   string // media type
	Body   []byte
	Header map[string]string // further fields; of answers by Respond
}

// Text is a response in plain text.
func Text(status int, body string) Response {
	return Response{Status: status, Type: "text/plain; charset=utf-8", Body: []byte(body)}
}
