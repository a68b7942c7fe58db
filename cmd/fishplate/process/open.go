package process

import (
	"context"
	"net"
	"time"

	"fishplate/internal/control"
	"fishplate/internal/netio"
)

// How long a listening socket waits for handshakes that began before it was given
// up, while it is hidden from everybody else: one that a change removed, for the
// slowest networks, and one of a process that is to end.
const (
	lingering = time.Second
	parting   = 100 * time.Millisecond
)

// open binds an address that no listener has, or takes the sockets that were
// inherited for it.
func (e *estate) open(ctx context.Context, t *control.Transaction, bind string, how netio.ListenOptions) (*openListener, error) {
	l, was, err := e.heir.listener(bind)
	if err != nil {
		return nil, err
	}
	if l != nil {
		how.Shards = was
		t.OnAbort(l.Leave)
		return &openListener{l: l, how: how, done: make(chan struct{})}, nil
	}
	given := e.givenUp(t, bind)
	if len(given) == 0 {
		if l, err = netio.Listen(ctx, bind, how); err != nil {
			return nil, err
		}
		t.OnAbort(l.Close)
		return &openListener{l: l, how: how, done: make(chan struct{})}, nil
	}
	// The old socket serves until the commit, and this one from then on: in between
	// both have the address. What cannot be shared is in use, as the next call tells.
	shared := how
	shared.Shared = true
	for _, o := range given {
		_ = o.l.Share(true)
	}
	alone := func() {
		for _, o := range given {
			_ = o.l.Share(false) // it is closed, or the change of a moment ago succeeded too
		}
	}
	if l, err = netio.Listen(ctx, bind, shared); err != nil {
		alone()
		return nil, err
	}
	t.OnAbort(func() { l.Close(); alone() })
	return &openListener{l: l, how: how, done: make(chan struct{}), shared: true}, nil
}

// givenUp returns the TCP listeners with the port of an address that go with this
// change, or went a moment ago.
func (e *estate) givenUp(t *control.Transaction, bind string) (list []*openListener) {
	port := portOf(bind)
	if port == "" {
		return nil
	}
	kept := map[string]bool{}
	for _, m := range t.Next.Listeners {
		for _, b := range m.Bind {
			kept[b] = true
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for b, o := range e.listeners {
		if !kept[b] && portOf(b) == port {
			list = append(list, o)
		}
	}
	for o := range e.leaving {
		if portOf(o.l.Key()) == port {
			list = append(list, o)
		}
	}
	return list
}

// portOf returns the port of a TCP address as it is written, "" for others.
func portOf(bind string) string {
	host, port, err := net.SplitHostPort(bind)
	if err != nil || host == "unix" || host == "fd" || port == "0" {
		return ""
	}
	return port
}
