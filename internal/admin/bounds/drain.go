package bounds

import (
	"io"
	"net/http"
	"time"
)

// How much of a question is read on behind an answer that refuses it, and for how
// long: far more than networks hold, and no more than a person waits.
const (
	drainMost = 256 << 20
	drainTime = 30 * time.Second
)

// Early calls answer, which refuses a question that may still be on its way. What
// comes of that is thrown away: a client that writes all of it before it reads would
// find a connection that was reset, and no answer. One that asked whether to send it
// (RFC 9110 §10.1.1) knows by the answer that it need not.
func Early(w http.ResponseWriter, r *http.Request, answer func()) {
	if r.Body == http.NoBody || r.Header.Get("Expect") != "" {
		answer()
		return
	}
	c := http.NewResponseController(w)
	_ = c.EnableFullDuplex() // else the answer waits for the question; a test has no connection
	answer()
	if c.Flush() == nil && c.SetReadDeadline(time.Now().Add(drainTime)) == nil {
		_, _ = io.CopyN(io.Discard, r.Body, drainMost) // who has left needs no answer
	}
}
