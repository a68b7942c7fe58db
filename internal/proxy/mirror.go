package proxy

import (
	"context"
	"errors"
	"sync"
	"time"

	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/predicate"
	"fishplate/internal/upstream"
)

// Bounds of mirroring: what does not fit is not copied, and counted as a cause.
const (
	mirrorBody   = 64 << 10
	mirrorAtOnce = 64
	mirrorTime   = 10 * time.Second
)

// mirrors send copies of requests and drop the answers. A copy never makes its
// original wait: when too many are under way it is left out.
type mirrors struct {
	srv   *Server
	slots chan struct{}
	tasks sync.WaitGroup
}

func (m *mirrors) init(s *Server) {
	m.srv = s
	m.slots = make(chan struct{}, mirrorAtOnce)
}

func (m *mirrors) close() { m.tasks.Wait() }

// send copies the encoded request of x to the mirror of its route. A body that
// has not arrived whole by now is not mirrored.
func (m *mirrors) send(x *exchange) {
	if !x.body.Done() || len(*x.head) > mirrorBody {
		m.srv.causes.Add("mirror-body")
		return
	}
	select {
	case m.slots <- struct{}{}:
	default:
		m.srv.causes.Add("mirror-busy")
		return
	}
	j := &mirrored{bytes: append([]byte(nil), *x.head...), method: append([]byte(nil), x.req.Method...), to: x.plan.mirror, shard: x.s.shard}
	j.req.Header.CopyFrom(&x.req.Header)
	j.req.Method, j.req.ClientIP = j.method, x.req.ClientIP
	j.req.Path = append([]byte(nil), x.req.Path...)
	j.req.Host = append([]byte(nil), x.req.Host...)
	j.req.Conn = &message.Conn{Listener: x.s.conn.Listener, Client: x.s.conn.Client, Local: x.s.conn.Local, Start: x.s.conn.Start}
	m.tasks.Go(func() {
		defer func() { <-m.slots }()
		if err := j.run(m.srv.ctx); err != nil {
			m.srv.causes.Add("mirror-failed")
		}
	})
}

// mirrored is one copy on its way.
type mirrored struct {
	bytes  []byte
	method []byte
	to     *upstream.Backend
	shard  metrics.Shard
	req    message.Request
}

// run sends the copy and reads the answer, so that the connection can be used
// again.
func (j *mirrored) run(ctx context.Context) error {
	env := predicate.Env{Req: &j.req}
	var pick upstream.Pick
	pick.Reset(&env, j.shard)
	lease, f := j.to.Acquire(ctx, &pick)
	if f != nil {
		return f
	}
	raw := lease.Conn.Raw
	if err := raw.SetDeadline(time.Now().Add(mirrorTime)); err != nil {
		lease.Release(false)
		return err
	}
	status, reusable, err := j.exchange(lease.Conn)
	lease.Report(upstream.Outcome{Status: status}, 0)
	reusable = reusable && raw.SetDeadline(time.Time{}) == nil
	lease.Release(reusable)
	return err
}

func (j *mirrored) exchange(up *upstream.UpConn) (status int, reusable bool, err error) {
	if _, err := up.Stream.Write(j.bytes); err != nil {
		return 0, false, err
	}
	var in http1.Reader
	var resp message.Response
	in.Init(up.Stream, originLimits)
	for resp.Status < 200 {
		if f := in.ReadResponse(&resp, j.method); f != nil {
			return 0, false, f
		}
		if resp.Status == 101 {
			return 101, false, errors.New("mirror switched protocols")
		}
	}
	body := in.Body(resp.Framing, resp.Length)
	for !body.Done() {
		if _, err = body.Next(); err != nil {
			break
		}
	}
	whole := err == nil || isEnd(err)
	reusable = whole && !resp.Close && in.Buffered() == 0
	in.Release()
	if whole {
		err = nil
	}
	return resp.Status, reusable, err
}
