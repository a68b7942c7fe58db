package cert

import (
	"crypto/tls"
	"fmt"
	"strings"
	"sync/atomic"
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

// front is what one listener presents. Connections keep the configuration that they
// began with as long as they last: they hold this, and not the certificates of a
// generation that is long gone.
type front struct{ chooser atomic.Pointer[chooser] }

func (f *front) choose(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.chooser.Load().choose(h)
}

// front returns a listener's, which presents what it did until the commit.
func (u *Update) front(listener string, c *chooser) *front {
	u.store.mu.Lock()
	defer u.store.mu.Unlock()
	f := u.store.fronts[listener]
	if f == nil {
		f = &front{}
		f.chooser.Store(c)
	}
	u.fronts[listener], u.choosers[listener] = f, c
	return f
}

// soon is how long before its end a certificate is warned of.
const soon = 14 * 24 * time.Hour

// Warnings says what people should know of a certificate that was prepared: the end
// of its validity, near or past. It is what check prints.
func (u *Update) Warnings(m *model.Certificate) (warnings []string) {
	now, leaf := u.store.now(), u.loaded[m.Name].Leaf
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
	return warnings
}
