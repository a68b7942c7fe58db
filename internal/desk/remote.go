package desk

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Remote joins gdb here with a request of a server, whose program speaks gdb's
// protocol on the connection that Dial gives once a request was chosen.
type Remote struct {
	Dial   func(ctx context.Context) (io.ReadWriteCloser, error)
	Listen string // a loopback address; "-" is our standard streams
	Token  string // what who connects must send first, in a line; "" makes one up
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// helloTime is how long a connection may take to send its token.
const helloTime = 10 * time.Second

// Do waits for the request first and for gdb then, and returns when either has
// left.
//
// gdb starts the command behind "target remote |" itself, and nobody else can
// speak to that: "-" is for this. At a loopback address everybody on the host
// could, so there the first line must be the token; ConnectRemote sends it.
func (r *Remote) Do(ctx context.Context) error {
	if r.Listen == "-" {
		far, err := r.Dial(ctx)
		if err != nil {
			return err
		}
		return join(ctx, far, stdio{r.Stdin, r.Stdout})
	}
	if r.Token == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // it does not fail
		r.Token = fmt.Sprintf("%x", b)
	}
	l, err := listenLoopback(ctx, r.Listen)
	if err != nil {
		return err
	}
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	fmt.Fprintf(r.Stderr, "connect with: gdb-multiarch -ex 'target remote | fishplate tenant gdb --connect %s --token %s' PROGRAM\n", l.Addr(), r.Token)
	far, err := r.Dial(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(r.Stderr, "a request was chosen; its client waits")
	near, err := r.first(l)
	if err != nil {
		_ = far.Close()
		return errors.Join(context.Cause(ctx), fmt.Errorf("wait for gdb: %w", err))
	}
	return join(ctx, far, near)
}

// greeted is a connection that has had its time to send the token.
type greeted struct {
	conn net.Conn // nil: it has not sent it
	err  error    // nobody can connect any more
}

// mostSilent is how many connections may be about to send their token.
const mostSilent = 256

// first returns the first connection that sends the token. Each is listened to on
// its own: those that say nothing keep nobody waiting. What is under way then ends
// with its time, or with the listener.
func (r *Remote) first(l net.Listener) (net.Conn, error) {
	all, over, places := make(chan greeted), make(chan struct{}), make(chan struct{}, mostSilent)
	defer close(over)
	tell := func(g greeted) {
		select {
		case all <- g:
		case <-over:
			if g.conn != nil {
				_ = g.conn.Close()
			}
		}
	}
	go func() {
		for {
			places <- struct{}{}
			near, err := l.Accept()
			if err != nil {
				tell(greeted{err: err})
				return
			}
			go func() {
				defer func() { <-places }()
				if !r.admits(near) {
					_ = near.Close()
					near = nil
				}
				tell(greeted{conn: near})
			}()
		}
	}()
	for {
		if g := <-all; g.conn != nil || g.err != nil {
			return g.conn, g.err
		}
		fmt.Fprintln(r.Stderr, "somebody without the token was sent away")
	}
}

func listenLoopback(ctx context.Context, listen string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen for gdb: %q is not a loopback address with a port, like 127.0.0.1:2159", listen)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("listen for gdb: %w", err)
	}
	return l, nil
}

// admits reads the first line of a connection.
func (r *Remote) admits(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(helloTime))
	given := make([]byte, len(r.Token)+1)
	if _, err := io.ReadFull(conn, given); err != nil {
		return false
	}
	_ = conn.SetReadDeadline(time.Time{})
	return subtle.ConstantTimeCompare(given, []byte(r.Token+"\n")) == 1
}

// ConnectRemote joins our standard streams with what Remote.Do listens at.
func ConnectRemote(ctx context.Context, address, token string, in io.Reader, out io.Writer) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connect to the debugger: %w", err)
	}
	if _, err := io.WriteString(conn, token+"\n"); err != nil {
		return fmt.Errorf("connect to the debugger: %w", err)
	}
	return join(ctx, conn, stdio{in, out})
}

// join copies both ways until one side ends. Who reads our standard input is left
// behind when the other side ends first: the process ends then.
func join(ctx context.Context, far io.ReadWriteCloser, near io.ReadWriteCloser) error {
	var once sync.Once
	ended := make(chan struct{})
	end := func() { once.Do(func() { close(ended) }) }
	stop := context.AfterFunc(ctx, end)
	defer stop()
	for _, way := range [...][2]io.ReadWriteCloser{{far, near}, {near, far}} {
		go func() {
			_, _ = io.Copy(way[1], way[0]) // however it ends, it is over
			end()
		}()
	}
	<-ended
	_ = far.Close()
	_ = near.Close()
	return context.Cause(ctx)
}
