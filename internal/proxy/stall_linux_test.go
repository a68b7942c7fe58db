package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/internal/netio"
)

// TestStalledShard blocks the acceptor of one of two shards: clients that the
// kernel gives to its socket are served all the same.
func TestStalledShard(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer origin.Close()
	r := newRig(t, base(strings.TrimPrefix(origin.URL, "http://")))
	l, err := netio.Listen(context.Background(), "127.0.0.1:0", netio.ListenOptions{Shards: 2, Backlog: 4})
	if err != nil {
		t.Fatal(err)
	}
	stalls, release := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	var serving sync.WaitGroup
	serving.Go(func() {
		r.srv.Serve(l, func() string {
			if calls.Add(1) == 1 { // of the shard that accepts first
				close(stalls)
				<-release
			}
			return "web"
		})
	})
	addr := l.Addr().String()
	get := func() error {
		c, err := net.DialTimeout("tcp", addr, 30*time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
			return err
		}
		answer, err := io.ReadAll(c)
		if err == nil && !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
			err = fmt.Errorf("answer %q", answer)
		}
		return err
	}
	// The first is in the blocked acceptor's hands.
	var first sync.WaitGroup
	first.Go(func() {
		if err := get(); err != nil {
			t.Error("the first:", err)
		}
	})
	<-stalls
	var clients sync.WaitGroup
	for range 40 {
		clients.Go(func() {
			if err := get(); err != nil {
				t.Error(err)
			}
		})
	}
	clients.Wait()
	close(release)
	first.Wait()
	l.Close()
	serving.Wait()
}

// TestMarks: which queues are helped, and when.
func TestMarks(t *testing.T) {
	for _, c := range []struct {
		name string
		lens []int // of 10
		want int   // the look that begins to help, from 1; 0 = none
	}{
		{"empty", []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0},
		{"unknown", []int{-1, -1, -1}, 0},
		{"full twice", []int{9, 6}, 2},
		{"full once at a time", []int{9, 0, 9, 0, 9, 0}, 0},
		{"half is not more than half", []int{5, 5, 5}, 0},
		{"never empty", []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 10},
		{"full and then less so", []int{9, 1, 1, 1, 1, 1}, 6},
	} {
		m := marks{helping: make(chan struct{}, 1)}
		got := 0
		for i, n := range c.lens {
			limit := 10
			if n < 0 {
				limit = -1
			}
			if m.look(netio.Queue{Len: n, Cap: limit}) && got == 0 {
				got = i + 1
			}
		}
		if got != c.want {
			t.Errorf("%s: helped at look %d, want %d", c.name, got, c.want)
		}
	}
}
