package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"fishplate/cmd/fishplate/notify"
	"fishplate/cmd/fishplate/opening"
	"fishplate/cmd/fishplate/wanted"
	"fishplate/internal/control"
	"fishplate/internal/model"
	"fishplate/internal/netio"
)

// parting is how long the listening sockets of a process that is to end wait, hidden
// from everybody else, for handshakes that began before.
const parting = 100 * time.Millisecond

// inFlight is how long the kernel has a packet in its hands at most, but for hosts
// that stop a processor.
const inFlight = time.Millisecond

// open binds an address that no listener has, or takes the sockets that were
// inherited for it.
func (e *estate) open(ctx context.Context, t *control.Transaction, bind string, how netio.ListenOptions) (*openListener, error) {
	l, was, err := e.heir.listener(bind, how)
	if err != nil {
		return nil, err
	}
	if l != nil {
		how.Shards = was
		t.OnAbort(l.Leave)
		if !e.heir.waits { // it is of a process that has ended: nobody else has it
			if err := errors.Join(l.Adjust(how), l.Settle()); err != nil {
				e.logger.Warn("adjust listener", "bind", bind, "error", err)
			}
		}
		e.heir.later(func() {
			if err := l.Spread(how.Spread); err != nil {
				e.logger.Warn("spread clients", "bind", bind, "error", err)
			}
		})
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
	return e.openBeside(ctx, t, bind, how, given)
}

// resharded says whether a listener is to have another number of sockets. One that
// somebody else opened, and one in the file system, has a single one.
func resharded(o *openListener, how netio.ListenOptions) bool {
	_, tcp := o.l.Addr().(*net.TCPAddr)
	return tcp && !strings.HasPrefix(o.l.Key(), "fd:") && max(o.how.Shards, 1) != max(how.Shards, 1)
}

// openBeside binds an address while others of ours have a part of it, or all, which
// serve until the commit. This one does from then on. What cannot be shared is in
// use, as the kernel tells.
func (e *estate) openBeside(ctx context.Context, t *control.Transaction, bind string, how netio.ListenOptions, given []*openListener) (*openListener, error) {
	alone := func() {
		for _, o := range given {
			_ = o.l.Share(false) // it is closed, or the change of a moment ago succeeded too
		}
	}
	shared := how
	shared.Shared = true
	for _, o := range given {
		if o.l.Key() == bind {
			shared.Beside = o.l // port 0 is chosen once
		}
		if err := e.settles(ctx, o); err != nil {
			alone()
			return nil, err
		}
		_ = o.l.Share(true)
	}
	l, err := netio.Listen(ctx, bind, shared)
	if err != nil {
		alone()
		return nil, err
	}
	t.OnAbort(func() { l.Close(); alone() })
	o := &openListener{l: l, how: how, done: make(chan struct{}), after: given, settled: make(chan struct{})}
	o.tries, o.giveUp = context.WithCancel(context.Background())
	return o, nil
}

// begin makes a listener take clients. Where that fails although its address is held
// for it, it is tried again until it succeeds or the listener is given up.
func (e *estate) begin(o *openListener) error {
	if o.settled == nil {
		e.heir.later(func() { e.accept(o) })
		return nil
	}
	how := o.how
	try := func() error {
		if err := o.l.Begin(how); err != nil {
			why := err.Error()
			o.late.Store(&why)
			return err
		}
		o.late.Store(nil)
		e.loops.Go(func() { e.settle(o) })
		e.heir.later(func() { e.accept(o) })
		return nil
	}
	err := try()
	if err != nil {
		e.logger.Error("begin to listen: it is tried again", "address", o.l.Key(), "error", err)
		e.loops.Go(func() {
			if !opening.Again(o.tries, try) {
				close(o.settled)
				close(o.done)
			}
		})
	}
	return err
}

// endTries is for who gives a listener up.
func (o *openListener) endTries() {
	if o.giveUp != nil {
		o.giveUp()
	}
}

// settle makes the shards of a listener share their clients when those are closed
// that had the address before. Copies that the service manager kept count too: a
// client that the kernel gave to one of these would wait for ever.
func (e *estate) settle(o *openListener) {
	defer close(o.settled)
	for _, old := range o.after {
		<-old.done
		old.l.Close()
	}
	o.after = nil
	var err error
	if e.shelf.manager.Present() {
		err = e.shelf.manager.Barrier()
	}
	if err == nil {
		err = o.l.Settle()
	}
	if err != nil {
		e.logger.Warn("one shard of the listener has all clients", "address", o.l.Key(), "error", err)
	}
}

// settles waits until those are closed that had the address before a listener that
// serves: shared, it would leave clients to them. One that went is hidden itself.
func (e *estate) settles(ctx context.Context, o *openListener) error {
	e.mu.Lock()
	left := e.leaving[o]
	e.mu.Unlock()
	if why := o.late.Load(); why != nil && !left {
		return fmt.Errorf("it does not listen yet: %s", *why)
	}
	if left || o.settled == nil {
		return nil
	}
	select {
	case <-o.settled:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave gives up listeners, whose addresses others may have from now on: a client
// whose first packet is in the kernel's hands just now gets there first.
func (e *estate) leave(gone []*openListener) {
	if len(gone) == 0 {
		return
	}
	for _, o := range gone {
		e.mu.Lock()
		e.leaving[o] = true
		e.mu.Unlock()
		o.endTries()
		e.shelf.remove(o)
		o.l.Yield()
	}
	time.Sleep(inFlight)
	for _, o := range gone {
		o.l.Drain(wanted.Linger(o.how.Defer))
	}
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

// shelf is where the service manager keeps copies of the listening sockets: a
// process that crashes, or is started again, finds them there with the connections
// that wait in their queues. Without a manager nothing is kept.
type shelf struct {
	manager *notify.Manager
	logger  *slog.Logger
}

// shelved begins the names of the sockets that are ours on the shelf. The rest is
// the number of shards, which of them it is, and the address.
const shelved = "listen/"

// shelfName is the name of one socket. A manager takes no colon in it.
func shelfName(bind string, shards, n int) string {
	return fmt.Sprintf("%s%d/%d/%s", shelved, shards, n, strings.NewReplacer("%", "%25", ":", "%3A").Replace(bind))
}

// shelfAddress is the reverse.
func shelfAddress(name string) (bind string, shards, n int, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(name, shelved), "/", 3)
	if !strings.HasPrefix(name, shelved) || len(parts) != 3 {
		return "", 0, 0, false
	}
	shards, err := strconv.Atoi(parts[0])
	if err == nil {
		n, err = strconv.Atoi(parts[1])
	}
	return strings.NewReplacer("%3A", ":", "%25", "%").Replace(parts[2]), shards, n, err == nil && n >= 0
}

func isShelved(name string) bool {
	_, _, _, ok := shelfAddress(name)
	return ok
}

// put gives the manager the sockets of a listener, unless they came from it.
func (s *shelf) put(o *openListener) {
	bind := o.l.Key()
	if !s.manager.Present() || strings.HasPrefix(bind, "fd:") {
		return
	}
	files, err := o.l.Files()
	if err == nil {
		err = s.give(bind, o.how.Shards, files)
	}
	closeFiles(files)
	if err != nil {
		s.logger.Warn("service manager keeps no socket", "address", bind, "error", err)
		return
	}
	o.l.Keep(true)
}

// give stores all sockets of an address or none: a process that finds some of them
// would serve with fewer shards.
func (s *shelf) give(bind string, shards int, files []*os.File) error {
	for n, f := range files {
		if err := s.manager.Store(shelfName(bind, shards, n), f); err != nil {
			for n := range files {
				s.discard(shelfName(bind, shards, n))
			}
			return err
		}
	}
	return nil
}

// remove takes back the sockets of a listener.
func (s *shelf) remove(o *openListener) {
	if !s.manager.Present() || strings.HasPrefix(o.l.Key(), "fd:") {
		return
	}
	for n := range o.l.Shards() {
		s.discard(shelfName(o.l.Key(), o.how.Shards, n))
	}
	o.l.Keep(false)
}

func (s *shelf) discard(name string) {
	if err := s.manager.Discard(name); err != nil {
		s.logger.Warn("service manager may keep a socket", "name", name, "error", err)
	}
}

// recall parts the files that the manager passed into the sockets that a process
// before put on the shelf, by address, and all others, by name.
func recall(passed map[string]*os.File) (sockets map[string]inherited, others map[string]*os.File) {
	sockets, others = map[string]inherited{}, map[string]*os.File{}
	names := make([]string, 0, len(passed))
	for name := range passed {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { // shards in their order
		_, _, m, _ := shelfAddress(a)
		_, _, n, _ := shelfAddress(b)
		return m - n
	})
	for _, name := range names {
		bind, shards, _, ok := shelfAddress(name)
		if !ok {
			others[name] = passed[name]
			continue
		}
		was := sockets[bind]
		sockets[bind] = inherited{shards, append(was.files, passed[name])}
	}
	return sockets, others
}

// clear lets go of what stands on the shelf for addresses that a start does not
// want, before it binds others that may overlap.
func (s *shelf) clear(h *heir, listeners []*model.Listener) {
	if h.waits {
		return // these are of another process
	}
	cleared := false
	for bind, was := range h.sockets {
		if slices.ContainsFunc(listeners, func(m *model.Listener) bool { return slices.Contains(m.Bind, bind) }) {
			continue
		}
		for n := range was.files {
			s.discard(shelfName(bind, was.shards, n))
		}
		closeFiles(was.files)
		delete(h.sockets, bind)
		cleared = true
	}
	if !cleared {
		return
	}
	if err := s.manager.Barrier(); err != nil {
		s.logger.Warn("service manager", "error", err)
	}
}
