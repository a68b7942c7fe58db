package process

import (
	"context"
	"fmt"
	"os"
)

// What the service manager is told, if there is one. Errors are logged: the
// process serves either way.

func (p *Process) tell(assignments ...string) {
	if err := p.manager.Tell(assignments...); err != nil {
		p.logger.Warn("service manager", "error", err)
	}
}

// tellReady says that the process serves.
func (p *Process) tellReady() { p.tell("READY=1", p.statusLine()) }

func (p *Process) statusLine() string {
	return fmt.Sprintf("STATUS=serves generation %d", p.control.Generation())
}

// tellReloading is control.Options.Reloading.
func (p *Process) tellReloading(begins bool) {
	if !begins {
		p.tellReady()
	} else if err := p.manager.Reloading(); err != nil {
		p.logger.Warn("service manager", "error", err)
	}
}

// tellLeaving says why the process stops accepting. The manager of one that was
// replaced knows the successor already, and hears no more of this one.
func (p *Process) tellLeaving() {
	if !p.succeeded() {
		p.tell("STOPPING=1", "STATUS=finishes its requests")
	}
}

// tellSuccessor makes another process the main one, whose first WATCHDOG=1 was not heard.
func (p *Process) tellSuccessor(pid int) {
	p.tell(fmt.Sprintf("MAINPID=%d", pid), "WATCHDOG=1", fmt.Sprintf("STATUS=process %d has taken over, %d finishes", pid, os.Getpid()))
}

// watch feeds the watchdog: it hears nothing when what every session needs is
// stuck.
func (p *Process) watch(ctx context.Context) {
	p.manager.Watch(ctx, func() {
		p.server.Sessions()
		p.server.Current()
	})
}
