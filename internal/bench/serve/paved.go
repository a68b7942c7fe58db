package serve

import (
	"context"
	"crypto/tls"
	"net"
	"runtime"
	"sync"

	"fishplate/internal/netio"
)

// paved accepts as the product does: a goroutine for each shard of a listener,
// and one for each connection.
type paved struct {
	talk   talk
	tls    *tls.Config
	single bool
	l      *netio.Listener
	all    sync.WaitGroup
	mu     sync.Mutex
	open   map[*netio.Conn]struct{}
	over   bool
}

func startPaved(o Options, t talk) (*Server, error) {
	shards := processors()
	if o.SingleAcceptor {
		shards = 1
	}
	l, err := netio.Listen(context.Background(), o.Address, netio.ListenOptions{Shards: shards, Backlog: o.Backlog})
	if err != nil {
		return nil, err
	}
	p := &paved{talk: t, tls: o.TLS, single: o.SingleAcceptor, l: l, open: map[*netio.Conn]struct{}{}}
	s := &Server{Address: l.Addr().(*net.TCPAddr).AddrPort(), Listeners: shards, Workers: runtime.GOMAXPROCS(0), close: p.close}
	thread := make(chan int, shards)
	for i := range shards {
		p.all.Go(func() { p.accept(i, thread) })
	}
	if id := <-thread; p.single && id > 0 {
		s.Acceptors = []int{id}
	}
	return s, nil
}

// accept takes connections of one shard. Before the first it tells its thread,
// which is its own only when it is the single one.
func (p *paved) accept(shard int, thread chan<- int) {
	if p.single {
		runtime.LockOSThread() // one thread, as where the question came from
		defer runtime.UnlockOSThread()
	}
	thread <- threadID()
	for {
		c, err := p.l.AcceptShard(shard)
		if err != nil {
			return
		}
		if p.talk.hangUp && !p.single {
			_ = c.Close()
			continue
		}
		if p.keep(c) {
			p.all.Go(func() { p.serve(c) })
		}
	}
}

// keep remembers a connection for Close; false means that it has come too late.
func (p *paved) keep(c *netio.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		_ = c.Close()
		return false
	}
	p.open[c] = struct{}{}
	return true
}

func (p *paved) close() {
	p.l.Close()
	p.mu.Lock()
	p.over = true
	for c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
}

func (p *paved) serve(c *netio.Conn) {
	defer func() {
		p.mu.Lock()
		delete(p.open, c)
		p.mu.Unlock()
		_ = c.Close()
	}()
	if p.talk.hangUp {
		return
	}
	if p.tls != nil {
		s := tls.Server(c, p.tls)
		p.converse(s)
		_ = s.Close()
		return
	}
	p.converse(c)
}

// converse answers until either side has enough.
func (p *paved) converse(c net.Conn) {
	in := make([]byte, 0, 4<<10)
	out := make([]byte, 0, 4<<10)
	up := false
	for {
		if len(in) == cap(in) {
			in = append(in, 0)[:len(in)]
		}
		n, err := c.Read(in[len(in):cap(in)])
		if n == 0 && err != nil {
			return
		}
		in = in[:len(in)+n]
		end := false
		out, in, end = p.talk.all(&up, in, out[:0])
		if len(out) > 0 {
			if _, err := c.Write(out); err != nil {
				return
			}
		}
		if end {
			return
		}
	}
}

// all answers everything that in holds, and returns what is left of it, moved
// to its beginning.
func (t talk) all(up *bool, in, out []byte) (reply, rest []byte, end bool) {
	taken := 0
	for taken < len(in) && !end {
		used := 0
		out, used, end = t.answer(up, in[taken:], out)
		if used == 0 {
			break
		}
		taken += used
	}
	return out, in[:copy(in, in[taken:])], end
}
