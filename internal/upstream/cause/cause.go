package cause

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"fishplate/internal/netio"
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
	NoServer    = "no-server"
	PinnedDown  = "pinned-server-down"
	QueueFull   = "queue-full"
	QueueTime   = "queue-timeout"
	ClientLeft  = "client-left"
	Refused     = "connect-refused"
	Connect     = "connect-failed"
	Descriptors = "descriptors-exhausted"
	Ports       = "ports-exhausted"
	ConnectTime = "connect-timeout"
	TLS         = "server-tls"
	Reset       = "server-reset"
	Closed      = "server-closed"
	FirstByte   = "first-byte-timeout"
	Idle        = "server-idle-timeout"
)

// Table returns the table of causes.
func Table() []Cause {
	return []Cause{
		{NoServer, 503, "no server of the backend is usable"},
		{PinnedDown, 503, "the client is pinned to a server that is out, and on_down does not let it go elsewhere"},
		{QueueFull, 503, "every server is at max_connections and the queue is full, or there is none"},
		{QueueTime, 503, "no slot came free within queue.timeout"},
		{ClientLeft, 499, "the client went away while its request waited"},
		{Refused, 502, "the server refused the connection"},
		{Connect, 502, "the connection could not be made"},
		{Descriptors, 503, "this process has no descriptor left for the connection, or to ask for the name of the server (sys.nofile), within queue.timeout if there is a queue; it says nothing of the server"},
		{Ports, 503, "this machine has no local port left for a connection to the server (tcp.ports), within queue.timeout if there is a queue; it says nothing of the server"},
		{ConnectTime, 504, "the connection was not made within timeouts.connect"},
		{TLS, 502, "the TLS handshake with the server failed, verification included"},
		{Reset, 502, "the server broke the connection"},
		{Closed, 502, "the server closed the connection before its response was complete"},
		{FirstByte, 504, "the response did not begin within timeouts.first_byte"},
		{Idle, 504, "the body stood still for timeouts.idle"},
	}
}

// Status looks a cause's status up.
func Status(cause string) int {
	for _, c := range Table() {
		if c.Name == cause {
			return c.Status
		}
	}
	return 502
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

// Word returns the cause of an error that a request met in a phase.
func Word(phase Phase, err error) string {
	late := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || IsTimeout(err)
	switch {
	case late && phase == Connecting:
		return ConnectTime
	case late && phase == AwaitingHead:
		return FirstByte
	case late:
		return Idle
	case phase == Connecting && netio.Exhausted(err):
		return Descriptors
	case phase == Connecting && netio.OutOfPorts(err):
		return Ports
	case phase == Connecting && isTLS(err):
		return TLS
	case phase == Connecting && errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case phase == Connecting:
		return Connect
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Closed
	}
	return Reset
}

// IsTimeout reports whether the network said that it took too long.
func IsTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func isTLS(err error) bool {
	var (
		record  tls.RecordHeaderError
		alert   tls.AlertError
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		shaken  HandshakeError
	)
	return errors.As(err, &shaken) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &verify) || errors.As(err, &unknown)
}

// HandshakeError marks an error of the TLS handshake.
type HandshakeError struct{ Err error }

func (h HandshakeError) Error() string { return "handshake: " + h.Err.Error() }
func (h HandshakeError) Unwrap() error { return h.Err }
