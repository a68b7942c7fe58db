package proxy

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/test/conform"
)

// TestConformRequests sends every request of the table to a listener: bad ones
// get their status on a connection that then ends, and no server sees them.
func TestConformRequests(t *testing.T) {
	rows, err := conform.Requests()
	if err != nil {
		t.Fatal(err)
	}
	var defect atomic.Bool // then the server wants the whole body before it answers
	o := newOrigin(t, func(c *client) {
		if _, ok := c.request(); ok {
			if defect.Load() {
				_, _ = io.Copy(io.Discard, c.in)
			}
			io.WriteString(c.Conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	r := newRig(t, base(o.addr))
	// Rows with a bad head come first: a server that is still at an earlier
	// row's body must not be mistaken for one that was asked by them.
	badHead := func(row conform.Row) bool {
		var in http1.Reader
		in.Init(bytes.NewBuffer(row.Raw), http1.Limits{})
		return row.Cause != "ok" && in.ReadRequest(&message.Request{}, "http") != nil
	}
	slices.SortStableFunc(rows, func(a, b conform.Row) int {
		return cmp.Compare(btoi(!badHead(a)), btoi(!badHead(b)))
	})
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			before := o.count()
			defect.Store(row.Cause != "ok")
			c := r.dial()
			c.t = t
			if _, err := c.Conn.Write(row.Raw); err != nil {
				t.Fatal(err)
			}
			if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			got := c.rest()
			if row.Cause == "ok" {
				return
			}
			if row.Status == 0 {
				if got != "" {
					t.Errorf("got %q, want nothing", got)
				}
				return
			}
			if !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", row.Status)) || !strings.Contains(got, "Connection: close\r\n") {
				t.Errorf("got %q, want %d (%s)", got, row.Status, row.Cause)
			}
			if badHead(row) && o.count() != before {
				t.Error("a server was asked")
			}
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestConformResponses lets a server answer with every response of the table:
// bad ones never reach the client as they are.
func TestConformResponses(t *testing.T) {
	rows, err := conform.Responses()
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan []byte, 1)
	o := newOrigin(t, func(c *client) {
		if _, ok := c.request(); ok {
			_, _ = c.Conn.Write(<-answer)
		}
	})
	cfg := base(o.addr)
	cfg.VHosts[0].Routes[0].FirstByte = 5 * time.Second
	r := newRig(t, cfg)
	for _, row := range rows {
		if row.Cause == "ok" {
			continue
		}
		t.Run(row.Name, func(t *testing.T) {
			answer <- row.Raw
			c := r.dial()
			c.t = t
			c.send(row.Method + " / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			got, _ := io.ReadAll(c.in)
			if !bytes.HasPrefix(got, []byte("HTTP/1.1 502 ")) && !bytes.HasPrefix(got, []byte("HTTP/1.1 504 ")) &&
				!(row.Cause != "" && bytes.HasPrefix(row.Raw, []byte("HTTP/1.1 200"))) && !bytes.HasPrefix(got, []byte("HTTP/1.1 1")) {
				t.Errorf("%s: got %q", row.Cause, got)
			}
		})
	}
}
