package process

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"fishplate/cmd/fishplate/notify"
	"fishplate/internal/metrics"
	"fishplate/internal/netio"
	"fishplate/internal/proxy"
)

// unheard makes an estate, and a listener of its that cannot begin to listen as long
// as free was not called: another of ours, at all addresses of the port, does not
// share them any more.
func unheard(t *testing.T) (e *estate, o *openListener, free func()) {
	t.Helper()
	t.Setenv("NOTIFY_SOCKET", "")
	logger := slog.New(slog.DiscardHandler)
	e = &estate{logger: logger, process: metrics.Process.New(), proxy: proxy.NewEstate(), shelf: shelf{notify.Find(), logger}}
	e.listeners, e.leaving = map[string]*openListener{}, map[*openListener]bool{}
	server, err := proxy.New(proxy.Options{Logger: logger, Estate: e.proxy, Process: e.process, Causes: metrics.NewWords(1)})
	if err != nil {
		t.Fatal(err)
	}
	e.server = server
	t.Cleanup(server.Close)
	listen := func(address string, how netio.ListenOptions) *netio.Listener {
		l, err := netio.Listen(t.Context(), address, how)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		return l
	}
	all := listen("0.0.0.0:0", netio.ListenOptions{})
	if err := all.Share(true); err != nil {
		t.Skipf("needs a kernel with SO_REUSEPORT: %v", err)
	}
	port := all.Addr().(*net.TCPAddr).Port
	how := netio.ListenOptions{Shared: true}
	l := listen(fmt.Sprintf("127.0.0.2:%d", port), how)
	listen(fmt.Sprintf("127.0.0.3:%d", port), how) // the kernel looks less closely at the address that was bound last
	if err := all.Share(false); err != nil {
		t.Fatal(err)
	}
	o = &openListener{l: l, how: how, done: make(chan struct{}), settled: make(chan struct{})}
	o.tries, o.giveUp = context.WithCancel(t.Context())
	name := "web"
	o.name.Store(&name)
	e.listeners[l.Key()] = o
	return e, o, func() {
		if err := all.Share(true); err != nil {
			t.Error(err)
		}
	}
}

// TestBeginsLater: what cannot listen at the commit is said to have failed, and takes
// clients as soon as it can.
func TestBeginsLater(t *testing.T) {
	e, o, free := unheard(t)
	if err := e.begin(o); err == nil {
		t.Fatal("it listens")
	}
	open, late := e.addresses()
	if len(open) != 0 || len(late["web"]) != 1 || !strings.HasPrefix(late["web"][0], o.l.Addr().String()+": ") || len(e.sockets()) != 0 {
		t.Errorf("open %v, late %v", open, late)
	}
	if err := e.settles(t.Context(), o); err == nil || !strings.Contains(err.Error(), "does not listen yet") {
		t.Errorf("others may be opened beside it, or a process take it over: %v", err)
	}
	free()
	for len(late) > 0 && t.Context().Err() == nil { // it is tried again
		open, late = e.addresses()
	}
	if len(open["web"]) != 1 {
		t.Errorf("open %v", open)
	}
	c, err := net.DialTimeout("tcp", o.l.Addr().String(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for o.l.Accepted() == 0 && t.Context().Err() == nil { // somebody does, there
	}
	o.l.Close()
	<-o.done
	e.loops.Wait()
}

// TestBeginsNever: what is given up before it listens holds nobody up.
func TestBeginsNever(t *testing.T) {
	e, o, _ := unheard(t)
	if err := e.begin(o); err == nil {
		t.Fatal("it listens")
	}
	e.leave([]*openListener{o})
	<-o.done
	<-o.settled
	e.loops.Wait()
}
