package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestMute: a process that is stopped is connected to, and never answers.
func TestMute(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "mute")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c := NewClient(socket)
	if c.patience != signOfLife {
		t.Errorf("patience is %v", c.patience)
	}
	c.patience = time.Millisecond
	for name, call := range map[string]func() error{
		"status":  func() error { _, err := c.Status(t.Context()); return err },
		"history": func() error { _, err := c.History(t.Context()); return err },
		"plan":    func() error { _, err := c.Plan(t.Context(), "/x"); return err },
		"confirm": func() error { _, err := c.Confirm(t.Context()); return err },
		"apply":   func() error { _, err := c.Change(t.Context(), "apply", ChangeRequest{Path: "/x"}); return err },
		"update":  func() error { _, err := c.UpdateTenant(t.Context(), "a", []byte("elf"), GiveOptions{}); return err },
		"events":  func() error { return c.Events(t.Context(), func(string, []byte) error { return nil }) },
		"export":  func() error { _, err := c.Export(t.Context(), 0); return err },
	} {
		if err := call(); !errors.Is(err, errMute) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// tired is a listener that has no descriptor at first.
type tired struct {
	net.Listener
	tried atomic.Bool
}

func (l *tired) Accept() (net.Conn, error) {
	if !l.tried.Swap(true) {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// TestDoorsLog: what package http has to say of a door is a line of our log.
func TestDoorsLog(t *testing.T) {
	var log bytes.Buffer
	s := New(Options{Control: &fake{}, Logger: slog.New(slog.NewTextHandler(&log, nil)), Listen: func(address string) (net.Listener, error) {
		l, err := net.Listen("tcp", address)
		return &tired{Listener: l}, err
	}})
	u, err := s.Prepare("", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Commit()
	_, bind := s.Addresses()
	c, err := net.Dial("tcp", bind)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "GET / HTTP/1.0\r\n\r\n")
	_, _ = io.Copy(io.Discard, c) // it is answered after the failure
	_ = c.Close()
	s.Close()
	if !strings.Contains(log.String(), "level=WARN msg=\"http: Accept error") {
		t.Errorf("the log has %q", &log)
	}
}
