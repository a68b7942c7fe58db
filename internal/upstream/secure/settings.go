package secure

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"fishplate/internal/model"
)

// sessionsKept is how many TLS sessions a backend keeps for resumption.
const sessionsKept = 256

// Settings are how servers of a backend are reached by TLS. Print names them:
// connections and sessions made under one print are not used under another.
type Settings struct {
	config *tls.Config
	Print  string
}

// Load reads the files and builds the settings. Verification is on, against
// the given CA or the system's, unless the configuration says otherwise in so
// many words.
func Load(m *model.BackendTLS, files fs.FS) (*Settings, error) {
	c := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         m.ServerName,
		InsecureSkipVerify: m.InsecureSkipVerify,
		NextProtos:         []string{"http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(sessionsKept),
	}
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%q %q %q %q %v", m.CA, m.ServerName, m.Cert, m.Key, m.InsecureSkipVerify) // a hash never fails
	read := func(path string) ([]byte, error) {
		text, err := fs.ReadFile(files, strings.TrimPrefix(path, "/"))
		_, _ = sum.Write(text)
		return text, err
	}
	if m.CA != "" {
		text, err := read(m.CA)
		if err != nil {
			return nil, fmt.Errorf("read ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read ca %s: no certificate in it", m.CA)
		}
	}
	if m.Cert != "" || m.Key != "" {
		cert, err := readPair(read, m)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return &Settings{c, hex.EncodeToString(sum.Sum(nil))}, nil
}

func readPair(read func(string) ([]byte, error), m *model.BackendTLS) (tls.Certificate, error) {
	if m.Cert == "" || m.Key == "" {
		return tls.Certificate{}, errors.New("read client certificate: cert and key belong together")
	}
	cert, err := read(m.Cert)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read client certificate: %w", err)
	}
	key, err := read(m.Key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read client key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read client certificate %s: %w", m.Cert, err)
	}
	return pair, nil
}

// Of returns the configuration for one server: its name is the one written, or
// else the host of its address.
func (s *Settings) Of(address string) *tls.Config {
	if s.config.ServerName != "" {
		return s.config
	}
	c := s.config.Clone()
	c.ServerName = address
	if host, _, err := net.SplitHostPort(address); err == nil {
		c.ServerName = host
	}
	return c
}

// Client shakes hands on a connection to the server at address, which is closed when
// that fails.
func (s *Settings) Client(ctx context.Context, raw net.Conn, address string) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := raw.SetDeadline(deadline); err != nil {
			_ = raw.Close() // the first error is the one to tell
			return nil, err
		}
	}
	t := tls.Client(raw, s.Of(address))
	if err := t.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error is the one to tell
		return nil, err
	}
	return t, nil
}
