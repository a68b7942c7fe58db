package fishplate

import "unsafe"

// Body is the request's body in Stream, an io.Reader of what the client sends as
// it comes.
type Body struct{}

// Read waits for bytes of the body. io.EOF is its end; ErrFailed: the client broke
// off or was too slow; ErrLimit: the route's limit.
func (Body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return piece(Call(SysBodyRead, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), ^uintptr(0)))
}

// Len returns the length that the client declared, -1 if it did not.
func (Body) Len() int { return max(-1, Call(SysBodyLength)) }

// ResponseWriter is the answer in Stream: fields first, then Begin, then the body
// by pieces, as an io.Writer. What is not begun is begun by the first Write, with
// status 200.
type ResponseWriter struct {
	Reply // what Begin sends; not to be used after it
	begun bool
}

// Begin sends the head. The end of the body is told by its framing. ErrInvalid:
// the status is not within 200 to 599, or the media type is none; ErrStage: not in
// Stream, or it was sent before; ErrFailed: the client left.
func (w *ResponseWriter) Begin(status int, kind string) error {
	return w.begin(status, kind, 0, 0)
}

// BeginLength is Begin with the body's length. Writing another one breaks the
// connection off.
func (w *ResponseWriter) BeginLength(status int, kind string, length int) error {
	return w.begin(status, kind, 1, length)
}

func (w *ResponseWriter) begin(status int, kind string, flags uintptr, length int) error {
	w.begun = true
	return done(Call(SysResponseBegin, uintptr(status), uintptr(start(kind)), uintptr(len(kind)), flags, uintptr(length)))
}

// Write sends bytes and returns when there is room for more. ErrFailed: the client
// left; ErrLimit: more than BeginLength said, and nothing is sent.
func (w *ResponseWriter) Write(p []byte) (int, error) {
	if !w.begun {
		if err := w.Begin(200, "application/octet-stream"); err != nil {
			return 0, err
		}
	}
	return count(Call(SysBodyWrite, uintptr(first(p)), uintptr(len(p))))
}
