package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"fishplate/cmd/fishplate/handover"
	"fishplate/cmd/fishplate/machine"
	"fishplate/internal/admin"
	"fishplate/internal/cache"
	"fishplate/internal/crash"
	"fishplate/internal/netio"
)

// successor is the process that is to take this one's place.
type successor struct {
	child *handover.Child
	line  *handover.Line
	last  *handover.Giver // of what went with go; nil: it did not come to that
	relay *cache.Relay    // nil: it did not come to that

	objects bool // it has what caches had in memory, and what was purged since
}

// succeeded reports that another process has taken over.
func (e *estate) succeeded() bool { return e.gone.Load() }

// upgradeBySignal is upgrade for SIGUSR2, which nobody waits for.
func (p *Process) upgradeBySignal(ctx context.Context) {
	_, _ = p.upgrade(ctx, "signal", admin.UpgradeRequest{}) // it says in the log what came of it
}

// upgrade puts another process in the place of this one. Until that serves,
// everything can be undone, and is when a step fails: then this one goes on.
func (p *Process) upgrade(ctx context.Context, author string, q admin.UpgradeRequest) (r admin.UpgradeResult, err error) {
	begin := time.Now()
	defer func() {
		if err != nil {
			err = fmt.Errorf("upgrade: %w", err)
			p.logger.Error("upgrade refused: this process serves on", "author", author, "problem", err)
		}
	}()
	path, within, err := p.mayUpgrade(q)
	if err != nil {
		return r, err
	}
	waiting, cancel := context.WithTimeout(ctx, takeTime)
	release, within, err := p.control.Hold(waiting, author, within)
	cancel()
	if err != nil {
		return r, err
	}
	succeeded := false
	defer func() { release(succeeded) }()
	if p.succeeded() {
		return r, errors.New("another process has taken over already")
	}

	crash.At(crash.Held)
	s, err := p.startSuccessor(path)
	if err != nil {
		return r, err
	}
	crash.At(crash.Started)
	stop := context.AfterFunc(ctx, func() { _ = s.line.Until(time.Unix(1, 0)) })
	defer func() {
		stop()
		if err != nil {
			s.kill()
		}
		if s.last != nil {
			s.last.Close()
		}
		if err != nil && s.relay != nil {
			s.relay.Close() // when the disks are open again
		}
	}()
	sockets, err := p.handOver(s, within)
	defer sockets.close()
	if err != nil {
		return r, err
	}
	crash.At(crash.Handed)
	said, err := s.await(msgPrepared, within)
	if err != nil {
		return r, err
	}
	crash.At(crash.Ready)

	paused := time.Now()
	p.letGo(s)
	crash.At(crash.LetGo)
	if err = p.sendGo(s); err == nil {
		crash.At(crash.Told)
		_, err = s.await(msgServing, takeTime)
	}
	if err != nil {
		s.kill() // before its disks and its sockets are used again
		return r, errors.Join(err, p.resume(sockets.listening, s.relay))
	}
	crash.At(crash.Succeeded)
	succeeded = true
	s.relay.Settle()
	r = admin.UpgradeResult{PID: s.child.PID(), Version: said.Version, Seconds: time.Since(begin).Seconds(), Pause: time.Since(paused).Seconds()}
	p.logger.Info("upgraded: another process serves, this one finishes what it has", "author", author, "pid", r.PID, "version", r.Version, "binary", path, "seconds", r.Seconds)
	p.tellSuccessor(r.PID)
	p.gone.Store(true)
	p.claim.Close() // the successor has it: who comes after that one need not wait for this one
	close(p.done)   // the line stays open until this process ends: its successor sees that
	crash.At(crash.Left)
	return r, nil
}

// mayUpgrade says why there can be no upgrade now.
func (p *Process) mayUpgrade(q admin.UpgradeRequest) (path string, within time.Duration, err error) {
	within = prepareTime
	if q.Within != "" {
		if within, err = time.ParseDuration(q.Within); err != nil || within <= 0 {
			return "", 0, fmt.Errorf("%q is no time", q.Within)
		}
	}
	if path = q.Path; path == "" {
		if path, err = os.Executable(); err != nil {
			return "", 0, err
		}
	}
	if p.bound != "" {
		return "", 0, errors.New(p.bound)
	}
	if os.Getpid() == 1 {
		return "", 0, errors.New("this is process 1 of its container, which ends with it: start another container")
	}
	if q.Force || p.lasting {
		return path, within, nil
	}
	for _, t := range p.control.Running().Tenants {
		if v, ok := p.tenants.Given(t.Name); ok {
			return "", 0, fmt.Errorf("tenant %q runs version %d, which came by the API and is in memory only, since there is no state folder: put it where the configuration names it, or use --force", t.Name, v.Number)
		}
	}
	return path, within, nil
}

// startSuccessor starts a binary with the arguments of this process, and a line
// to it.
func (p *Process) startSuccessor(path string) (*successor, error) {
	line, theirs, err := handover.Pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	inherited, env := p.binder.Heir(4)
	cmd := &exec.Cmd{
		Path: path, Args: slices.Clone(os.Args), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: append([]*os.File{theirs}, inherited...),
		Env: append(append(slices.DeleteFunc(os.Environ(), func(v string) bool {
			return strings.HasPrefix(v, "LISTEN_") || strings.HasPrefix(v, handoverEnv+"=")
		}), handoverEnv+"=3"), env...),
	}
	child, err := handover.Start(cmd, line, p.manager.Present())
	if err != nil {
		_ = line.Close()
		return nil, unstartable(path, err)
	}
	return &successor{child: child, line: line}, nil
}

// unstartable is why a binary does not start, with what to do.
func unstartable(path string, err error) error {
	remedy := "is it a whole program, and is the machine out of processes or memory?"
	switch {
	case errors.Is(err, fs.ErrPermission):
		remedy = "the user of this process must be able to run it: chmod +x " + path + ", also the folders above; a file system that is mounted noexec runs nothing"
	case errors.Is(err, fs.ErrNotExist):
		remedy = "there is no such file, or not the loader that it names: give the path of another binary"
	case errors.Is(err, syscall.ENOEXEC):
		remedy = "it is no program for this machine: file " + path + " says what it is"
	}
	return fmt.Errorf("start: %w (%s)", err, remedy)
}

// kill ends it, and returns when it is gone.
func (s *successor) kill() {
	_ = s.line.Send(msgStop, nil, nil) // it may be gone
	_ = s.line.Close()
	s.child.Kill(killTime)
}

// await waits for a message of that kind.
func (s *successor) await(want string, within time.Duration) (r reply, err error) {
	if err := s.line.Until(time.Now().Add(within)); err != nil {
		return r, err
	}
	kind, files, err := s.line.Receive(func(string) any { return &r })
	closeFiles(files)
	switch {
	case errors.Is(err, io.EOF):
		switch how, ended := s.child.Ended(killTime); {
		case !ended:
			return r, errors.New("the new process closed the line: is it fishplate?")
		case how == nil:
			return r, errors.New("the new process ended at once: is it fishplate?")
		default:
			return r, fmt.Errorf("the new process ended: %w", how)
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return r, fmt.Errorf("the new process was not %s within %v", want, within)
	case err != nil:
		return r, err
	case kind == msgFailed:
		return r, fmt.Errorf("the new process refused: %s", r.Reason)
	case kind != want:
		return r, fmt.Errorf("the new process said %q, not %q", kind, want)
	}
	return r, nil
}

// handed are the copies of sockets that were handed over. They keep them, and the
// connections in their queues, from being closed by a successor that fails.
type handed struct {
	listening map[string]inherited
	others    []*os.File
	known     *handover.Giver // nil: it did not come to that
}

func (h *handed) close() {
	for _, l := range h.listening {
		closeFiles(l.files)
	}
	closeFiles(h.others)
	if h.known != nil {
		h.known.Close()
	}
}

// handOver sends everything to the successor that can be had while this process
// serves.
func (p *Process) handOver(s *successor, within time.Duration) (h handed, err error) {
	h.listening = map[string]inherited{}
	m := parcel{PID: os.Getpid(), Version: p.version, State: p.state, Secret: p.secret, Tickets: p.certs.Keys()}
	if m.Config, err = p.control.Legacy(); err != nil {
		return h, err
	}
	var files []*os.File
	for bind, o := range p.listeners {
		if err := p.settles(context.Background(), o); err != nil {
			return h, err
		}
		list, err := o.l.Files()
		if err != nil {
			return h, err
		}
		h.listening[bind] = inherited{o.how.Shards, list}
		m.Listeners = append(m.Listeners, socket{bind, o.how.Shards, len(list)})
		files = append(files, list...)
	}
	doors, err := p.admin.Sockets()
	for address, f := range doors {
		m.Doors = append(m.Doors, socket{Key: address, Files: 1})
		h.others = append(h.others, f)
		files = append(files, f)
	}
	if err != nil {
		return h, err
	}
	for name, f := range p.heir.passed {
		m.Passed = append(m.Passed, socket{Key: name, Files: 1})
		files = append(files, f)
	}
	known, ends, err := p.give(p.parts(early))
	if err != nil {
		return h, err
	}
	h.known, m.Known = known, known.Kinds()
	h.others, files = append(h.others, ends...), append(files, ends...)
	known.Start(time.Now().Add(within))
	pipes, err := handover.NewPipes()
	if err != nil {
		return h, err
	}
	defer pipes.Close()
	m.Memory, files = true, append(files, pipes.Theirs...)
	if f := p.claim.File(); f != nil {
		m.Claim = []socket{{Key: p.state, Files: 1}}
		files = append(files, f)
	}
	if err := s.line.Until(time.Now().Add(within)); err != nil {
		return h, err
	}
	if err := s.line.Send(msgEstate, m, files); err != nil {
		if _, why := s.await(msgPrepared, killTime); why != nil {
			return h, why // a process that is gone has not read it all
		}
		return h, err
	}
	out, in := pipes.Keep()
	s.relay = p.caches.Relay(out, in, int64(memoryShare*float64(machine.Spare("/"))))
	return h, nil
}

// letGo stops accepting and gives the disks back: connections wait in the queues
// until somebody accepts again.
func (p *Process) letGo(s *successor) {
	for _, o := range p.listeners {
		o.l.Leave()
		<-o.done
		crash.At(crash.Leaving)
	}
	p.drawLine(s)
	p.caches.Release()
}

// resume is the reverse of letGo: who is accepted finds what was purged meanwhile
// gone from the disks too.
func (p *Process) resume(sockets map[string]inherited, relay *cache.Relay) error {
	errs := []error{p.caches.Regain(p.control.Running())}
	relay.Close()
	for bind, o := range p.listeners {
		l, err := netio.Adopt(bind, sockets[bind].files, o.how.Tallies)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		l.Spin(o.how.Spin)
		errs = append(errs, l.Spread(o.how.Spread))
		again := &openListener{l: l, how: o.how, done: make(chan struct{})}
		again.name.Store(o.name.Load())
		p.mu.Lock()
		p.listeners[bind] = again
		p.mu.Unlock()
		p.accept(again)
	}
	return errors.Join(errs...)
}
