package process

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fishplate/internal/model"
	"fishplate/internal/netio"
)

// testTime bounds the test of one listener.
const testTime = 10 * time.Second

// selfTest asks every listener of the configuration over a socket of its own, so
// that accepting, TLS, reading and answering have worked once before a client
// depends on them. The request names no host: it is answered with 400 and
// reaches no server and no program.
func (p *Process) selfTest(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "fishplate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for n, m := range p.control.Running().Listeners {
		if slices.Contains(m.Protocols, "tcp") {
			continue
		}
		if err := p.testListener(ctx, filepath.Join(dir, fmt.Sprint(n)), m); err != nil {
			return fmt.Errorf("listener %q: %w", m.Name, err)
		}
	}
	return nil
}

func (p *Process) testListener(ctx context.Context, path string, m *model.Listener) error {
	l, err := netio.Listen(ctx, "unix:"+path, netio.ListenOptions{})
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.server.Serve(l, func() string { return m.Name })
	}()
	defer func() { l.Close(); <-ended }()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(testTime)); err != nil {
		return err
	}
	if m.TLS != nil {
		secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true, ServerName: p.someHost(), NextProtos: []string{"http/1.1"}})
		if err := secure.HandshakeContext(ctx); err != nil {
			// A server that has no certificate for that name, or wants one of the
			// client, says so: it answers.
			if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" {
				return nil
			}
			return err
		}
		c = secure
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" {
		return nil // TLS 1.3 tells after the handshake that a certificate is wanted
	}
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "HTTP/1.1 400 ") {
		return fmt.Errorf("a request without a host was answered %q", strings.TrimSpace(line))
	}
	return nil
}

// someHost returns a name that a virtual host has.
func (p *Process) someHost() string {
	for _, v := range p.control.Running().VHosts {
		for _, h := range v.Hosts {
			if !strings.ContainsAny(h, "*~:") {
				return h
			}
		}
	}
	return "selftest.invalid"
}
