package load

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// secure is the load with TLS: a goroutine for each connection, since the
// handshake is the library's. Its cost beside a handshake's is small.
type secure struct {
	plan  *Plan
	times *schedule
	ctx   context.Context
	end   context.CancelFunc

	step   float64 // nanoseconds between two transactions of an open loop
	next   atomic.Int64
	flying atomic.Int64
	turn   atomic.Uint32

	mu     sync.Mutex // guards what follows
	tally  *Tally
	recent recent
}

func newSecure(p *Plan, times *schedule) *secure {
	s := &secure{plan: p, times: times, tally: newTally(), recent: recent{total: newHistogram()}}
	// The last answers are awaited for as long as one transaction may take.
	last := times.base.Add(time.Duration(times.shuts) + p.Timeout)
	s.ctx, s.end = context.WithDeadline(context.Background(), last)
	if p.Rate > 0 {
		s.step = 1e9 / p.Rate
	}
	return s
}

func (s *secure) run() {
	defer s.end()
	var all sync.WaitGroup
	for range s.plan.Connections {
		all.Go(s.drive)
	}
	all.Wait()
	if s.step > 0 && !s.stopped() {
		s.tally.Behind = max(0, s.dueBefore(s.times.shuts)-max(s.next.Load(), s.dueBefore(s.times.opens)))
	}
}

// stopped reports whether the run was broken off. When the last answers are too late
// instead, what was due for them counts.
func (s *secure) stopped() bool { return errors.Is(s.ctx.Err(), context.Canceled) }

// dueBefore counts the transactions that are due before that time.
func (s *secure) dueBefore(when int64) int64 {
	if when <= 0 {
		return 0
	}
	return int64(float64(when-1)/s.step) + 1
}

// drive makes one transaction after the other.
func (s *secure) drive() {
	config := s.plan.TLS.Clone()
	if s.plan.Resume {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	buffer := make([]byte, 16<<10)
	for resumable := false; ; {
		meant, ok := s.wait()
		if !ok {
			return
		}
		where, err := s.transact(config, buffer, meant, resumable)
		if s.stopped() {
			return
		}
		if err != nil || where != "" {
			s.fail(where, err, meant)
			pause(s.ctx, time.Duration(retryAfter))
			continue
		}
		resumable = s.plan.Resume
	}
}

// wait returns when the next transaction was meant to begin; false when there
// is none any more.
func (s *secure) wait() (meant int64, ok bool) {
	now := s.times.now()
	if s.step == 0 {
		return now, now < s.times.shuts && s.ctx.Err() == nil
	}
	if now >= s.times.shuts {
		return 0, false
	}
	meant = int64(float64(s.next.Add(1)-1) * s.step)
	if meant >= s.times.shuts {
		return 0, false
	}
	pause(s.ctx, time.Duration(meant-now))
	return meant, !s.stopped()
}

// pause sleeps; false means that the context has ended.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// transact makes one transaction, and counts it when it succeeds. What went
// wrong is named otherwise.
func (s *secure) transact(config *tls.Config, buffer []byte, meant int64, resumable bool) (where string, err error) {
	begun := s.times.now()
	ctx, cancel := context.WithTimeout(s.ctx, s.plan.Timeout)
	defer cancel()
	raw, err := s.dial(ctx)
	if err != nil {
		return "connect", err
	}
	s.flying.Add(1)
	defer func() { _ = raw.Close(); s.flying.Add(-1) }()
	_ = raw.SetDeadline(s.times.base.Add(time.Duration(begun) + s.plan.Timeout))
	c := tls.Client(raw, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return "handshake", err
	}
	stood := s.times.now()
	if resumable && !c.ConnectionState().DidResume {
		return "handshake not resumed", nil
	}
	if _, err := c.Write(s.plan.Request); err != nil {
		return "write", err
	}
	answered, where, err := s.hear(c, buffer)
	if where != "" {
		return where, err
	}
	_ = c.Close()
	s.finish(meant, begun, stood, answered)
	return "", nil
}

// hear reads the response to its end.
func (s *secure) hear(c net.Conn, buffer []byte) (answered int64, where string, err error) {
	var r response
	for {
		n, err := c.Read(buffer)
		if n > 0 {
			if answered == 0 {
				answered = s.times.now()
			}
			done, wrong := r.take(buffer[:n])
			switch {
			case wrong != nil:
				return 0, wrong.Error(), nil
			case r.known && r.head.status >= 400:
				return 0, "status " + digit(r.head.status/100) + "xx", nil
			case done:
				return answered, "", nil
			}
		}
		switch {
		case errors.Is(err, io.EOF) && r.ended():
			return answered, "", nil
		case errors.Is(err, io.EOF):
			return 0, "closed early", nil
		case err != nil:
			return 0, "read", err
		}
	}
}

func (s *secure) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: false}, KeepAlive: -1}
	if n := uint32(len(s.plan.Sources)); n > 0 {
		d.LocalAddr = net.TCPAddrFromAddrPort(addrOnly(s.plan.Sources[s.turn.Add(1)%n]))
		d.Control = func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) { setOption(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) })
		}
	}
	return d.DialContext(ctx, "tcp", s.plan.Target.String())
}

func (s *secure) finish(meant, begun, stood, answered int64) {
	now := s.times.now()
	inside := meant >= s.times.opens && meant < s.times.shuts
	s.mu.Lock()
	defer s.mu.Unlock()
	if now >= s.times.opens && now < s.times.shuts {
		s.tally.Transactions++
	}
	if inside {
		s.tally.Connections++
		record(s.tally.Connect, stood-begun)
		record(s.tally.First, answered-meant)
		record(s.tally.Total, now-meant)
		if s.step > 0 && begun-meant > int64(time.Millisecond) {
			s.tally.Late++
		}
	}
	s.recent.done++
	s.recent.connects++
	record(s.recent.total, now-meant)
}

func (s *secure) fail(where string, err error, meant int64) {
	var errno syscall.Errno
	var noTLS tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case err == nil:
	case errors.As(err, &noTLS):
		where += ": the answer is no TLS"
	case errors.As(err, &alert):
		where += ": " + alert.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		where += ": closed early"
	case errors.As(err, &errno):
		where += " " + unix.ErrnoName(errno)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		where = "timeout"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if meant >= s.times.opens && meant < s.times.shuts {
		s.tally.Errors[where]++
	}
	s.recent.errors++
}

func (s *secure) stop()          { s.end() }
func (s *secure) count() int64   { return s.flying.Load() }
func (s *secure) result() *Tally { return s.tally }

func (s *secure) waiting() int64 {
	if s.step == 0 {
		return 0
	}
	return max(0, s.dueBefore(min(s.times.now(), s.times.shuts))-s.next.Load())
}

// look returns what happened since the last look, and begins anew.
func (s *secure) look(into *histogram) recent {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.recent
	into.Merge(r.total)
	r.total.Reset()
	s.recent = recent{total: r.total}
	return r
}
