package whole

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"fishplate/internal/config/schema"
	"fishplate/internal/config/syntax"
	"fishplate/internal/model"
)

// soon is how long before its end a certificate is warned of.
const soon = 14 * 24 * time.Hour

// checkCertificates reads the pairs: what cannot be served is an error, what
// clients will refuse is a warning.
func (l *Look) checkCertificates() {
	leaves := map[string]*x509.Certificate{}
	for _, c := range l.Config.Certificates {
		if leaf := l.leaf(c); leaf != nil {
			leaves[c.Name] = leaf
			l.dates(c, leaf)
		}
	}
	l.coverage(leaves)
}

// leaf reads a pair and checks that its halves belong together.
func (l *Look) leaf(c *model.Certificate) *x509.Certificate {
	if c.Cert == "" || c.Key == "" {
		return nil
	}
	var halves [2][]byte
	for i, name := range []string{c.Cert, c.Key} {
		at := l.At("certificate", c.Name, c.At, []string{"cert", "key"}[i])
		b, err := fs.ReadFile(l.FS, syntax.FSName(name))
		if err != nil {
			l.Errorf(at, fmt.Sprintf("certificate %q: read %s: %s", c.Name, l.Show(name), syntax.Reason(err)), "", "paths are relative to the file that names them")
			return nil
		}
		halves[i] = b
	}
	pair, err := tls.X509KeyPair(halves[0], halves[1])
	if err != nil {
		text := strings.TrimPrefix(err.Error(), "tls: ")
		l.Errorf(l.At("certificate", c.Name, c.At, "cert"), fmt.Sprintf("certificate %q: %s", c.Name, text), "", "cert is a PEM chain, leaf first; key is the leaf's PEM private key")
		return nil
	}
	return pair.Leaf
}

func (l *Look) dates(c *model.Certificate, leaf *x509.Certificate) {
	at, day := l.At("certificate", c.Name, c.At, "cert"), time.DateOnly
	switch now := l.Now; {
	case now.IsZero():
	case now.After(leaf.NotAfter):
		l.Warnf(at, fmt.Sprintf("certificate %q expired on %s", c.Name, leaf.NotAfter.UTC().Format(day)), "", "renew it; clients refuse it")
	case now.Before(leaf.NotBefore):
		l.Warnf(at, fmt.Sprintf("certificate %q is valid from %s on", c.Name, leaf.NotBefore.UTC().Format(day)), "", "")
	case now.Add(soon).After(leaf.NotAfter):
		l.Warnf(at, fmt.Sprintf("certificate %q expires on %s", c.Name, leaf.NotAfter.UTC().Format(day)), "", "renew it")
	}
}

// coverage warns of hosts without a certificate and certificates without a host.
func (l *Look) coverage(leaves map[string]*x509.Certificate) {
	var served []*x509.Certificate
	complete := true
	for _, ls := range l.Config.Listeners {
		if ls.TLS == nil {
			continue
		}
		for _, name := range ls.TLS.Certificates {
			if leaves[name] == nil {
				complete = false
			} else if !slices.Contains(served, leaves[name]) {
				served = append(served, leaves[name])
			}
		}
	}
	if len(served) == 0 || !complete {
		return
	}
	open, matched := false, map[*x509.Certificate]bool{}
	for _, v := range l.Config.VHosts {
		open = open || len(v.Hosts) == 0
		for _, h := range v.Hosts {
			covered := false
			for _, leaf := range served {
				if leafMatches(leaf, h) {
					covered, matched[leaf] = true, true
				}
			}
			if !covered {
				l.Warnf(l.At("vhost", v.Name, v.At, "hosts"), fmt.Sprintf("no certificate of a TLS listener is for %q", h), "Clients of that name refuse what they get.", "")
			}
		}
	}
	for _, c := range l.Config.Certificates {
		if leaf := leaves[c.Name]; leaf != nil && slices.Contains(served, leaf) && !matched[leaf] && !open {
			l.Warnf(c.At, fmt.Sprintf("certificate %q is for no host of any vhost", c.Name), "It is for "+schema.List(leaf.DNSNames)+".", "")
		}
	}
}

// leafMatches compares a host of ours, which may be a wildcard, with a certificate.
func leafMatches(leaf *x509.Certificate, host string) bool {
	if strings.HasPrefix(host, "*.") {
		return slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return strings.EqualFold(n, host) })
	}
	return leaf.VerifyHostname(host) == nil
}
