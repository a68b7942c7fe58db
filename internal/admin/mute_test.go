package admin

import (
	"errors"
	"net"
	"path/filepath"
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
