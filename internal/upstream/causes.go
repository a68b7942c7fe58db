package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"fishplate/internal/message"
)

// Cause is one row of the table of what can go wrong on the way to a server:
// the word that logs and counters use, and the status that the client gets.
type Cause struct {
	Name   string
	Status int
	Doc    string
}

// The cause words.
const (
	causeNoServer    = "no-server"
	causePinnedDown  = "pinned-server-down"
	causeQueueFull   = "queue-full"
	causeQueueTime   = "queue-timeout"
	causeClientLeft  = "client-left"
	causeRefused     = "connect-refused"
	causeConnect     = "connect-failed"
	causeConnectTime = "connect-timeout"
	causeTLS         = "server-tls"
	causeReset       = "server-reset"
	causeClosed      = "server-closed"
	causeFirstByte   = "first-byte-timeout"
	causeIdle        = "server-idle-timeout"
)

// Causes returns the table of causes.
func Causes() []Cause {
	return []Cause{
		{causeNoServer, 503, "no server of the backend is usable"},
		{causePinnedDown, 503, "the client is pinned to a server that is out, and on_down does not let it go elsewhere"},
		{causeQueueFull, 503, "every server is at max_connections and the queue is full, or there is none"},
		{causeQueueTime, 503, "no slot came free within queue.timeout"},
		{causeClientLeft, 499, "the client went away while its request waited"},
		{causeRefused, 502, "the server refused the connection"},
		{causeConnect, 502, "the connection could not be made"},
		{causeConnectTime, 504, "the connection was not made within timeouts.connect"},
		{causeTLS, 502, "the TLS handshake with the server failed, verification included"},
		{causeReset, 502, "the server broke the connection"},
		{causeClosed, 502, "the server closed the connection before its response was complete"},
		{causeFirstByte, 504, "the response did not begin within timeouts.first_byte"},
		{causeIdle, 504, "the body stood still for timeouts.idle"},
	}
}

// statusOf looks a cause's status up.
func statusOf(cause string) int {
	for _, c := range Causes() {
		if c.Name == cause {
			return c.Status
		}
	}
	return 502
}

// fault makes a Fault of a cause of the table.
func fault(side message.Side, cause string, err error) *message.Fault {
	return &message.Fault{Side: side, Step: "fetch", Status: statusOf(cause), Cause: cause, Err: err}
}

// busy is a 503 that says when to come again.
func busy(cause string, after time.Duration) *message.Fault {
	f := fault(message.SideSelf, cause, nil)
	f.RetryAfter = max(after, time.Second)
	return f
}

// Phase says what a request was doing when its connection failed.
type Phase uint8

// The phases.
const (
	Connecting   Phase = iota
	Sending            // the request head or body
	AwaitingHead       // the request is sent as far as needed, no response byte came
	ReadingBody        // after the first response byte
)

// Classify turns an error of a connection to a server into a Fault whose cause
// is of the table Causes. An error that is a Fault is returned as it is.
func Classify(phase Phase, err error) *message.Fault {
	var known *message.Fault
	if errors.As(err, &known) {
		return known
	}
	f := fault(message.SideOrigin, causeWord(phase, err), err)
	f.Retry = phase != ReadingBody
	return f
}

func causeWord(phase Phase, err error) string {
	late := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || isTimeout(err)
	switch {
	case late && phase == Connecting:
		return causeConnectTime
	case late && phase == AwaitingHead:
		return causeFirstByte
	case late:
		return causeIdle
	case phase == Connecting && isTLS(err):
		return causeTLS
	case phase == Connecting && errors.Is(err, syscall.ECONNREFUSED):
		return causeRefused
	case phase == Connecting:
		return causeConnect
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return causeClosed
	}
	return causeReset
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func isTLS(err error) bool {
	var (
		record  tls.RecordHeaderError
		alert   tls.AlertError
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		shaken  handshakeError
	)
	return errors.As(err, &shaken) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &verify) || errors.As(err, &unknown)
}

// handshakeError marks an error of the TLS handshake.
type handshakeError struct{ err error }

func (h handshakeError) Error() string { return "handshake: " + h.err.Error() }
func (h handshakeError) Unwrap() error { return h.err }
