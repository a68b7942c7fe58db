package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fishplate/cmd/fishplate/claim"
	"fishplate/cmd/fishplate/handover"
	"fishplate/internal/crash"
)

// Inheritance is what another process hands to this one, which is to take its
// place. A nil Inheritance is that of a process that begins by itself.
type Inheritance struct {
	line   *handover.Line
	parcel parcel
	files  []*os.File
	child  bool // of that process, and of no script between them
	told   bool // the other one knows how it went
}

// Inherit returns what another process hands over, nil when none does.
func Inherit() (*Inheritance, error) {
	text, ok := os.LookupEnv(handoverEnv)
	if !ok {
		return nil, nil
	}
	_ = os.Unsetenv(handoverEnv) // it is not for the programs that this process starts
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("take over: %s is no descriptor: %q", handoverEnv, text)
	}
	crash.At(crash.Born)
	parent := os.Getppid() // as long as that lives
	i := &Inheritance{}
	if i.line, err = handover.Open(os.NewFile(uintptr(fd), "handover")); err != nil {
		return nil, err
	}
	_ = i.line.Until(time.Now().Add(prepareTime)) // Receive tells what Until would
	kind, files, err := i.line.Receive(func(string) any { return &i.parcel })
	if err == nil && kind != msgEstate {
		err = fmt.Errorf("take over: it said %q", kind)
	}
	i.files, i.child = files, parent == i.parcel.PID
	return i, err
}

// State returns the folder of what outlives the process.
func (i *Inheritance) State() string { return i.parcel.State }

// state claims the state folder, or takes over the claim of the other process, and
// returns the secret that is kept there.
func (i *Inheritance) state(dir string, logger *slog.Logger) (secret []byte, c *claim.Claim, err error) {
	if i != nil {
		if m, last := &i.parcel, len(i.files)-1; len(m.Claim) == 1 && last >= 0 {
			c = claim.Inherit(i.files[last])
			i.files = i.files[:last]
		}
		return i.parcel.Secret, c, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make state folder: %w", err)
	}
	if c, err = claim.Take(dir); err != nil {
		return nil, nil, err
	}
	secret, odd, err := claim.Secret(dir)
	for _, text := range odd {
		logger.Warn("state folder", "problem", text)
	}
	if err != nil {
		c.Close()
	}
	return secret, c, err
}

// failed tells the other process why this one does not take its place, and
// returns err.
func (i *Inheritance) failed(err error) error {
	if i == nil || i.told {
		return err
	}
	i.told = true
	reason := "it was told to end"
	if err != nil {
		reason = strings.TrimSpace(err.Error())
	}
	_ = i.line.Send(msgFailed, reply{Reason: reason}, nil) // else it sees the line end
	_ = i.line.Close()
	return err
}

// succeed takes the place of another process: it prepares everything while that
// one serves, tests itself, waits for the other to let go, and begins.
func (p *Process) succeed(ctx context.Context, i *Inheritance) (err error) {
	defer func() {
		if err != nil {
			err = i.failed(err)
		}
	}()
	m := &i.parcel
	doors := map[string]*os.File{}
	p.heir.waits, p.heir.sockets, p.heir.passed = true, map[string]inherited{}, map[string]*os.File{}
	rest, ok := unpack(m.Listeners, i.files, func(s socket, f []*os.File) { p.heir.sockets[s.Key] = inherited{s.Shards, f} })
	if ok {
		rest, ok = unpack(m.Doors, rest, func(s socket, f []*os.File) { doors[s.Key] = f[0] })
	}
	if ok {
		rest, ok = unpack(m.Passed, rest, func(s socket, f []*os.File) { p.heir.passed[s.Key] = f[0] })
	}
	pipes := 0
	if m.Memory {
		pipes = 2
	}
	if !ok || len(rest) != len(m.Known)+pipes {
		return errors.New("take over: the sockets are not those that were named")
	}
	crash.At(crash.Endowed)
	p.take(p.parts(early), m.Known, rest[:len(m.Known)])
	p.admin.Inherit(doors)
	p.certs.Inherit(m.Tickets)
	release, err := p.control.Succeed(ctx, m.Config)
	if err != nil {
		return err
	}
	defer release()
	objects := p.takeMemory(rest[len(m.Known):])
	defer func() {
		if err != nil {
			objects.Close()
		}
	}()
	p.awaitChecks(ctx)
	if err := p.selfTest(ctx); err != nil {
		return fmt.Errorf("test of itself: %w", err)
	}
	crash.At(crash.Tested)
	last, files, err := i.awaitGo(p.version)
	if err != nil {
		return err
	}
	crash.At(crash.Begin)
	p.take(p.parts(late), last.Parts, files)
	p.backends.Settle()
	if !last.Objects {
		objects.Renounce()
	}
	if err := p.caches.Regain(p.control.Running()); err != nil {
		return err
	}
	objects.Begin()
	crash.At(crash.Regained)
	p.predecessor.Store(int64(m.PID))
	p.claim.Sign()
	p.heir.start()
	crash.At(crash.Accepting)
	i.told = true
	if err := i.line.Send(msgServing, reply{Version: p.version}, nil); err != nil {
		p.logger.Warn("the process before is gone", "pid", m.PID, "problem", err)
	}
	crash.At(crash.Serving)
	go func() { // ends with the other process
		_ = i.line.Until(time.Time{})
		_, files, err := i.line.Receive(func(string) any { return nil })
		closeFiles(files)
		_ = i.line.Close()
		objects.Close()
		p.predecessor.Store(0)
		p.logger.Info("the process before has ended", "pid", m.PID, "how", err)
		p.tell(p.statusLine())
	}()
	return nil
}

// awaitGo tells the other process that this one is ready, and waits for its word.
// When it is gone, nobody serves: then this one begins.
func (i *Inheritance) awaitGo(version string) (last word, files []*os.File, err error) {
	err = i.line.Send(msgPrepared, reply{Version: version}, nil)
	if err != nil {
		return last, nil, i.awaitEnd()
	}
	crash.At(crash.Said)
	_ = i.line.Until(time.Now().Add(takeTime)) // Receive tells what Until would
	kind, files, err := i.line.Receive(func(string) any { return &last })
	switch {
	case errors.Is(err, io.EOF):
		return last, nil, i.awaitEnd()
	case err != nil:
		return last, nil, err
	case kind != msgGo:
		closeFiles(files)
		return last, nil, fmt.Errorf("the process before said %q", kind)
	}
	return last, files, nil
}

// awaitEnd waits until the other process has ended, whose line did: the system
// closes that before it lets go of disks, one file after the other. A process that
// lives on has given this one up.
func (i *Inheritance) awaitEnd() error {
	for deadline := time.Now().Add(killTime); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if os.Getppid() != i.parcel.PID && (i.child || errors.Is(syscall.Kill(i.parcel.PID, 0), syscall.ESRCH)) {
			return nil
		}
	}
	return errors.New("the process before closed the line, and lives")
}

// checkTime is how long a successor waits for the first checks of its servers.
const checkTime = 10 * time.Second

// awaitChecks waits until every server that is checked was checked once: before,
// none of them gets requests.
func (p *Process) awaitChecks(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		unknown := 0
		for _, b := range p.backends.Status() {
			for _, s := range b.Servers {
				if s.Check != nil && s.Check.State == "unknown" {
					unknown++
				}
			}
		}
		if unknown == 0 {
			return
		}
		select {
		case <-ctx.Done():
			p.logger.Warn("servers were not checked yet when this process took over", "servers", unknown)
			return
		case <-tick.C:
		}
	}
}
