package fishplate

import "strings"

// Message is one of the messages that a program can look at and change.
type Message int

// The messages. Which there are depends on the stage; asking for another one
// ends the request with a fault.
const (
	req    Message = 0
	resp   Message = 2
	bereq  Message = 4
	beresp Message = 5
)

// Lines of a message that are not fields.
const (
	lineMethod   = 0
	lineURL      = 1
	lineProtocol = 2
)

func (m Message) line(i int) (string, bool) {
	n := Call(sysFieldRetrieve, uintptr(m), uintptr(i), 0, 0)
	if n <= 0 {
		return "", n == 0
	}
	b := make([]byte, n)
	var p Pin
	defer p.Unpin()
	at, size := p.Bytes(b)
	n = Call(sysFieldRetrieve, uintptr(m), uintptr(i), at, size)
	return string(b[:max(n, 0)]), n >= 0
}

// Get returns the value of the first field of that name, "" without one.
func (m Message) Get(name string) string {
	i := text(sysFind, name, uintptr(m))
	if i < 0 {
		return ""
	}
	line, _ := m.line(i)
	_, value, _ := strings.Cut(line, ":")
	return strings.TrimLeft(value, " \t")
}

// Add appends a field. It reports false for one that the host refuses: not
// well-formed, or the host's own business.
func (m Message) Add(name, value string) bool {
	return text(sysFieldAppend, name+": "+value, uintptr(m)) >= 0
}

// Set gives the field of that name a value, in its place if there is one.
func (m Message) Set(name, value string) bool {
	i := text(sysFind, name, uintptr(m))
	if i < 0 {
		return m.Add(name, value)
	}
	return text(sysFieldSet, name+": "+value, uintptr(m), uintptr(i)) >= 0
}

// Del removes all fields of that name.
func (m Message) Del(name string) {
	for {
		i := text(sysFind, name, uintptr(m))
		if i < 0 || Call(sysFieldUnset, uintptr(m), uintptr(i)) < 0 {
			return
		}
	}
}

// Request is the request at hand.
type Request struct {
	Message
	// Argument is what the configuration gave the program, "" for none.
	Argument string
	// Body is what the client sent, in Respond. It is the host's memory: valid
	// for the request, which is all there is.
	Body []byte
}

// Method returns the method.
func (r Request) Method() string { s, _ := r.line(lineMethod); return s }

// URL returns path and query.
func (r Request) URL() string { s, _ := r.line(lineURL); return s }

// SetURL changes path and query, before the request goes on.
func (r Request) SetURL(url string) bool {
	return text(sysFieldSet, url, uintptr(r.Message), lineURL) >= 0
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

// Reply is a response on its way to the client.
type Reply struct{ Message }

// Status returns the status.
func (r Reply) Status() int { return Call(sysSetStatus, uintptr(r.Message), ^uintptr(0)) }

// SetStatus changes it.
func (r Reply) SetStatus(n int) { Call(sysSetStatus, uintptr(r.Message), uintptr(n)) }
