package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"fishplate/cmd/fishplate/wanted"

	"fishplate/cmd/fishplate/binder"
	"fishplate/internal/admin"
	"fishplate/internal/cache"
	"fishplate/internal/cert"
	"fishplate/internal/control"
	"fishplate/internal/file"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/netio"
	"fishplate/internal/predicate"
	"fishplate/internal/proxy"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

// estate is everything that outlives a generation. It is what a Builder
// prepares changes of; the Controller's turn keeps them one at a time.
type estate struct {
	logger   *slog.Logger
	server   *proxy.Server
	proxy    *proxy.Estate
	process  *metrics.Set
	backends *upstream.Set
	tenants  *tenant.Set
	certs    *cert.Store
	caches   *cache.Caches
	admin    *admin.Server // nil: none, for checks
	near     atomic.Bool   // only this host reads on the API's TCP address

	mu        sync.Mutex
	listeners map[string]*openListener // by bind address
	leaving   map[*openListener]bool   // given up, and not closed yet
	heir      heir
	shelf     shelf
	kernel    netio.Spreads
	tallies   netio.Tallies
	spin      *netio.SpinAuto
	binder    *binder.Line        // opens ports below 1024; nil is nobody
	gone      atomic.Bool         // another process has taken over
	logs      map[string]*openLog // by name
	loops     sync.WaitGroup
}

// openListener is one bound address. The listener that it belongs to may be
// renamed while it stays open.
type openListener struct {
	l    *netio.Listener
	name atomic.Pointer[string]
	how  netio.ListenOptions // as it was opened or adjusted last; the Controller's turn guards it
	done chan struct{}       // closed when its accept loops have ended
	// after are those of ours that have a part of its address until the commit, and
	// settled is closed when all of these are; without any it is nil.
	after   []*openListener
	settled chan struct{}
	// late is why it does not listen after its commit; nil: it does. giveUp ends the tries.
	late   atomic.Pointer[string]
	tries  context.Context
	giveUp context.CancelFunc
}

type openLog struct {
	model model.Log
	log   *proxy.Log
}

// proxyName is how we call ourselves in Via and Server-Timing.
const proxyName = "fishplate"

// Prepare implements control.Builder. Every part is tried although another is
// refused: whoever mends the file wants to know all causes at once.
func (e *estate) Prepare(ctx context.Context, t *control.Transaction) error {
	parts := proxy.Parts{
		ID: t.ID, Config: t.Next, Options: predicate.Options{FS: file.Tree(), Lists: &predicate.Lists{}},
		Old: e.server.Current(), Estate: e.proxy, ProxyName: proxyName,
	}
	errs := []error{wanted.Fit(t), e.prepareNames(ctx, t, lookupHost)}
	for _, prepare := range []func(context.Context, *control.Transaction, *proxy.Parts) error{
		e.prepareCerts, e.prepareBackends, e.prepareTenants, e.prepareCaches, e.prepareLogs,
	} {
		errs = append(errs, prepare(ctx, t, &parts))
	}
	var g *proxy.Generation
	if errors.Join(errs...) == nil {
		var err error
		g, err = proxy.Compile(parts)
		errs = append(errs, err)
	}
	serve, err := e.prepareListeners(ctx, t)
	errs = append(errs, err)
	old, tried := parts.Old, &trial{e: e, g: g}
	t.Try(tried.begin)
	t.OnCommit(func() {
		for _, l := range t.Next.Listeners {
			e.proxy.SetClientLimit(l.Name, l.Limits.PerClient)
		}
		e.server.Swap(g)
		tried.join()
		serve()
	})
	// Last: whoever sees the socket answer finds that requests are answered.
	errs = append(errs, e.prepareAdmin(t))
	t.OnDrain("exchanges", func(ctx context.Context) error {
		if old != nil {
			if err := e.server.Drained(ctx, old); err != nil {
				return err
			}
		}
		e.proxy.Forget(e.server.Current())
		return tried.forget(ctx)
	})
	return errors.Join(errs...)
}

func (e *estate) prepareCerts(_ context.Context, t *control.Transaction, p *proxy.Parts) error {
	u, err := e.certs.Prepare(t.Next.Certificates, t.Next.Listeners)
	if err != nil {
		return err
	}
	p.TLS = u.Configs()
	t.OnAbort(u.Abort)
	t.OnCommit(u.Commit)
	for _, c := range t.Next.Certificates {
		for _, w := range u.Warnings(c) {
			t.Warn(problemAt(t, c.At, fmt.Sprintf("certificate %q %s", c.Name, w)))
		}
	}
	return nil
}

func (e *estate) prepareBackends(_ context.Context, t *control.Transaction, p *proxy.Parts) error {
	u, err := e.backends.Prepare(t.Next.Backends)
	if err != nil {
		return err
	}
	p.Backends = u.Backends()
	t.OnAbort(u.Abort)
	t.OnTry(u.Try)
	t.OnCommit(u.Commit)
	t.OnSettle(e.backends.LetGo)
	return nil
}

func (e *estate) prepareTenants(ctx context.Context, t *control.Transaction, p *proxy.Parts) error {
	prepare := e.tenants.Prepare
	switch {
	case t.Unread:
		prepare = e.tenants.PrepareOthers
	case t.Running == nil && !e.heir.waits: // whom nobody serves instead
		prepare = e.tenants.PrepareFirst
	}
	u, errs := prepare(ctx, t.Next.Tenants)
	if len(errs) > 0 {
		refusal := make(control.Refusal, len(errs))
		for i, err := range errs {
			refusal[i] = troubleOf(t, err)
		}
		return refusal
	}
	p.Tenants = u.Tenants()
	t.OnAbort(u.Abort)
	t.OnTry(u.Try)
	t.OnCommit(u.Commit)
	t.OnSettle(e.tenants.Settle)
	for _, w := range u.Warnings() {
		t.Warn(troubleOf(t, w))
	}
	return nil
}

// troubleOf places what is wrong with a program at its tenant.
func troubleOf(t *control.Transaction, err error) control.Problem {
	at, ok := errors.AsType[*tenant.Trouble](err)
	if !ok {
		return control.Problem{Summary: err.Error()}
	}
	return problemAt(t, at.Tenant.At, at.Error())
}

func (e *estate) prepareAdmin(t *control.Transaction) error {
	if e.admin == nil {
		return nil
	}
	u, err := e.admin.Prepare(t.Next.Admin.Socket, t.Next.Admin.HTTPBind)
	if err != nil {
		return control.Refusal{problemAt(t, t.Next.Admin.At, err.Error())}
	}
	near := t.Next.Admin.HTTPReads == "loopback"
	if t.Next.Admin.HTTPReads == "" {
		near = slices.ContainsFunc(t.Next.Tenants, func(m *model.Tenant) bool { return len(m.Tokens) > 0 })
	}
	t.OnAbort(u.Abort)
	t.OnCommit(func() {
		e.near.Store(near)
		e.heir.later(u.Commit)
	})
	return nil
}

func (e *estate) prepareCaches(_ context.Context, t *control.Transaction, p *proxy.Parts) error {
	u, err := e.caches.Prepare(e.heir.withoutDisks(t.Next))
	if err != nil {
		return err
	}
	p.Caches = u
	t.OnAbort(u.Abort)
	t.OnCommit(u.Commit)
	return nil
}

// prepareLogs opens what is new. A log that stays is opened again at the
// commit, in case its file was moved away.
func (e *estate) prepareLogs(_ context.Context, t *control.Transaction, p *proxy.Parts) error {
	next := map[string]*openLog{}
	for _, m := range t.Next.Logs {
		plain := *m
		plain.At = model.Range{}
		old := e.logs[m.Name]
		if old != nil && old.model == plain {
			next[m.Name] = old
			t.OnCommit(func() {
				if err := old.log.Reopen(); err != nil {
					e.logger.Error("reopen log", "log", m.Name, "error", err)
				}
			})
		} else {
			log, err := proxy.NewLog(m, e.process)
			if err != nil {
				return control.Refusal{problemAt(t, m.At, err.Error())}
			}
			next[m.Name] = &openLog{plain, log}
			t.OnAbort(func() { _ = log.Close() }) // it has no lines
		}
		p.Logs = append(p.Logs, next[m.Name].log)
	}
	old := e.logs
	t.OnCommit(func() {
		e.mu.Lock()
		e.logs = next
		e.mu.Unlock()
	})
	t.OnDrain("logs", func(context.Context) error {
		var errs []error
		for name, o := range old {
			if next[name] != o {
				errs = append(errs, o.log.Close())
			}
		}
		return errors.Join(errs...)
	})
	return nil
}

// prepareListeners binds what is new, and returns what begins to accept on it.
func (e *estate) prepareListeners(ctx context.Context, t *control.Transaction) (serve func(), err error) {
	next := map[string]*openListener{}
	var fresh []*openListener
	whose := map[*openListener]*model.Listener{}
	var adjust []func()
	var refusal control.Refusal
	e.shelf.clear(&e.heir, t.Next.Listeners)
	for _, m := range t.Next.Listeners {
		how, why := wanted.Options(m.Accept, &e.kernel, e.spin)
		how.Binder, how.Tallies = e.binder, &e.tallies
		if why != "" && m.Accept.Spread != "auto" {
			t.Warn(problemAt(t, m.At, fmt.Sprintf("listener %q: accept.spread is %q instead: %s", m.Name, how.Spread, why)))
		} else if why != "" {
			e.logger.Info("accept.spread", "listener", m.Name, "is", how.Spread, "because", why)
		}
		for _, bind := range m.Bind {
			o := e.listeners[bind]
			if o == nil {
				o, err := e.open(ctx, t, bind, how)
				if err != nil {
					refusal = append(refusal, problemAt(t, m.At, fmt.Sprintf("listener %q: %v", m.Name, err)))
					continue
				}
				fresh = append(fresh, o)
				next[bind], whose[o] = o, m
				continue
			}
			if resharded(o, how) {
				again, err := e.openBeside(ctx, t, bind, how, append(e.givenUp(t, bind), o))
				if err == nil {
					fresh = append(fresh, again)
					next[bind], whose[again] = again, m
					continue
				}
				t.Warn(problemAt(t, m.At, fmt.Sprintf("listener %q: %s keeps its %d accept shards: %v", m.Name, bind, o.l.Shards(), err)))
			}
			if o.how != how {
				adjust = append(adjust, func() {
					if err := errors.Join(o.l.Adjust(how), o.l.Spread(how.Spread)); err != nil {
						e.logger.Warn("adjust listener", "bind", bind, "error", err)
					}
					how.Shards = o.how.Shards
					o.how = how
				})
			}
			next[bind] = o
			whose[o] = m
		}
	}
	if len(refusal) > 0 {
		return nil, refusal
	}
	old := e.listeners
	var gone []*openListener
	for bind, o := range old {
		if next[bind] != o {
			gone = append(gone, o)
		}
	}
	serve = func() {
		for o, m := range whose {
			o.name.Store(&m.Name)
		}
		for _, f := range adjust {
			f()
		}
		e.mu.Lock()
		e.listeners = next
		e.mu.Unlock()
		for _, o := range fresh {
			if err := e.begin(o); err != nil {
				t.Warn(problemAt(t, whose[o].At, fmt.Sprintf("listener %q does not listen at %s yet, which is tried again: %v", whose[o].Name, o.l.Key(), err)))
			}
		}
		e.leave(gone)
	}
	t.OnDrain("listeners", func(ctx context.Context) error {
		for _, o := range gone {
			select {
			case <-o.done:
			case <-ctx.Done():
			}
			o.l.Close()
			e.mu.Lock()
			delete(e.leaving, o)
			e.mu.Unlock()
		}
		return nil
	})
	return serve, nil
}

// accept begins to accept on a listener.
func (e *estate) accept(o *openListener) {
	e.shelf.put(o)
	e.loops.Go(func() {
		defer close(o.done)
		e.server.Serve(o.l, func() string { return *o.name.Load() })
	})
}

// accessLogs returns the open logs in the order of their names.
func (e *estate) accessLogs() []*proxy.Log {
	e.mu.Lock()
	defer e.mu.Unlock()
	var names []string
	for name := range e.logs {
		names = append(names, name)
	}
	slices.Sort(names)
	list := make([]*proxy.Log, len(names))
	for i, name := range names {
		list[i] = e.logs[name].log
	}
	return list
}

// addresses returns the addresses that are really open, by listener, and those that
// are not yet, with the reason.
func (e *estate) addresses() (open, late map[string][]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	open, late = map[string][]string{}, map[string][]string{}
	for _, bind := range slices.Sorted(maps.Keys(e.listeners)) {
		o := e.listeners[bind]
		name, at := *o.name.Load(), o.l.Addr().String()
		if why := o.late.Load(); why != nil {
			late[name] = append(late[name], at+": "+*why)
			continue
		}
		open[name] = append(open[name], at)
	}
	return open, late
}

// sockets returns the listeners that are open, with their names.
func (e *estate) sockets() map[*netio.Listener]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make(map[*netio.Listener]string, len(e.listeners))
	for _, o := range e.listeners {
		if o.late.Load() == nil {
			list[o.l] = *o.name.Load()
		}
	}
	return list
}

// shutdown stops accepting, lets exchanges finish until ctx ends, and closes
// everything in reverse order of making.
func (e *estate) shutdown(ctx context.Context) error {
	e.mu.Lock()
	listeners := e.listeners
	e.mu.Unlock()
	for _, o := range listeners {
		o.endTries()
		o.l.Drain(parting)
	}
	end := e.server.Drain
	if e.succeeded() {
		end = e.server.Retire
		var leaves sync.WaitGroup
		leaves.Go(e.admin.Leave) // the successor answers on these sockets
		defer leaves.Wait()
	}
	for _, o := range listeners { // who was connected becomes a session, before these are counted
		select {
		case <-o.done:
		case <-ctx.Done():
		}
	}
	err := end(ctx)
	for _, o := range listeners {
		o.l.Close()
	}
	e.loops.Wait()
	e.server.Close()
	return err
}

// close releases what shutdown left.
func (e *estate) close() {
	e.tenants.Close()
	e.backends.Close()
	e.caches.Close()
	e.certs.Close()
	for _, o := range e.logs {
		if err := o.log.Close(); err != nil {
			e.logger.Error("close log", "error", err)
		}
	}
}

func problemAt(t *control.Transaction, at model.Range, summary string) control.Problem {
	at = t.Next.Places.Range(at)
	return control.Problem{File: at.Filename, Line: at.Start.Line, Column: at.Start.Column, Summary: summary}
}
