package cert

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"fishplate/internal/model"
)

// chooser finds a certificate by the name that the client asked for: an exact
// one, then the wildcard of its parent domain (RFC 9525 §6.3), then the
// fallback. It is immutable once made.
type chooser struct {
	names    map[string]*tls.Certificate
	fallback *tls.Certificate
}

func newChooser() *chooser { return &chooser{names: map[string]*tls.Certificate{}} }

// add lists the names that a certificate is for. Of two for one name the first
// wins, unless the client cannot use its kind of key; that choice is Go's.
func (c *chooser) add(cert *tls.Certificate) {
	list := cert.Leaf.DNSNames
	for _, ip := range cert.Leaf.IPAddresses {
		list = append(list, ip.String())
	}
	for _, n := range list {
		n = strings.ToLower(n)
		if c.names[n] == nil {
			c.names[n] = cert
		}
	}
}

// choose implements tls.Config.GetCertificate.
func (c *chooser) choose(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(h.ServerName, "."))
	if cert := c.names[name]; cert != nil && name != "" {
		return cert, nil
	}
	if _, parent, ok := strings.Cut(name, "."); ok {
		if cert := c.names["*."+parent]; cert != nil {
			return cert, nil
		}
	}
	return c.fallback, nil
}

// load reads one key pair.
func (s *Store) load(m *model.Certificate) (*tls.Certificate, error) {
	cert, err := s.readFile(m.Cert)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", m.Name, err)
	}
	key, err := s.readFile(m.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", m.Name, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", m.Name, err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, fmt.Errorf("certificate %q: %w", m.Name, err)
		}
	}
	return &pair, nil
}

// soon is how long before its end a certificate is warned of.
const soon = 14 * 24 * time.Hour

// Inspect loads a certificate as Prepare does and says what people should know:
// the end of its validity, near or past. It is what check prints.
func (s *Store) Inspect(m *model.Certificate) (warnings []string, err error) {
	pair, err := s.load(m)
	if err != nil {
		return nil, err
	}
	now, leaf := s.now(), pair.Leaf
	switch {
	case now.After(leaf.NotAfter):
		warnings = append(warnings, fmt.Sprintf("expired on %s", leaf.NotAfter.Format(time.DateOnly)))
	case now.Before(leaf.NotBefore):
		warnings = append(warnings, fmt.Sprintf("not valid before %s", leaf.NotBefore.Format(time.DateOnly)))
	case now.Add(soon).After(leaf.NotAfter):
		warnings = append(warnings, fmt.Sprintf("expires on %s", leaf.NotAfter.Format(time.DateOnly)))
	}
	if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		warnings = append(warnings, "has no subject alternative names: no client will accept it")
	}
	return warnings, nil
}
