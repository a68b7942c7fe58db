package whole

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
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
	leaves := make(map[string]*x509.Certificate, len(l.Config.Certificates))
	read, halves := make(Leaves, len(l.Config.Certificates)), map[string]half{}
	for _, c := range l.Config.Certificates {
		if leaf := l.leaf(c, read, halves); leaf != nil {
			leaves[c.Name] = leaf
			l.dates(c, leaf)
		}
	}
	l.coverage(leaves)
	if l.Leaves != nil {
		*l.Leaves = read
	}
}

// Leaves are the certificates of pairs whose halves belong together, by the contents
// of both. Of each there is what is looked at here: its names and dates.
type Leaves map[[2][sha256.Size]byte]*x509.Certificate

// What files of certificates and keys may have, in bytes: a chain has a few kilobytes.
const (
	maxHalf   = 1 << 20   // each
	maxHalves = 256 << 20 // all of one configuration
)

// half is a file of a certificate or a key.
type half struct {
	text []byte
	sum  [sha256.Size]byte
}

// half reads a file, unless it was read.
func (l *Look) half(name string, had map[string]half) (half, error) {
	if h, ok := had[name]; ok {
		return h, nil
	}
	info, err := fs.Stat(l.FS, syntax.FSName(name))
	if err != nil {
		return half{}, err
	}
	if l.halves += info.Size(); info.Size() > maxHalf || l.halves > maxHalves {
		return half{}, fmt.Errorf("a file of a certificate or key has at most %d bytes, and all of them %d", maxHalf, maxHalves)
	}
	text, err := fs.ReadFile(l.FS, syntax.FSName(name))
	if err != nil {
		return half{}, err
	}
	had[name] = half{text, sha256.Sum256(text)}
	return had[name], nil
}

// leaf reads a pair and checks that its halves belong together.
func (l *Look) leaf(c *model.Certificate, read Leaves, had map[string]half) *x509.Certificate {
	if c.Cert == "" || c.Key == "" {
		return nil
	}
	var halves [2]half
	for i, name := range []string{c.Cert, c.Key} {
		var err error
		if halves[i], err = l.half(name, had); err != nil {
			at := l.At("certificate", c.Name, c.At, []string{"cert", "key"}[i])
			l.Errorf(at, fmt.Sprintf("certificate %q: read %s: %s", c.Name, l.Show(name), syntax.Reason(err)), "", cmp.Or(syntax.Remedy(err), "paths are relative to the file that names them"))
			return nil
		}
	}
	sum := [2][sha256.Size]byte{halves[0].sum, halves[1].sum}
	if read[sum] != nil {
		return read[sum]
	}
	if l.Leaves != nil && (*l.Leaves)[sum] != nil {
		read[sum] = (*l.Leaves)[sum]
		return read[sum]
	}
	pair, err := tls.X509KeyPair(halves[0].text, halves[1].text)
	if err != nil {
		text := strings.TrimPrefix(err.Error(), "tls: ")
		l.Errorf(l.At("certificate", c.Name, c.At, "cert"), fmt.Sprintf("certificate %q: %s", c.Name, text), "", "cert is a PEM chain, leaf first; key is the leaf's PEM private key")
		return nil
	}
	read[sum] = &x509.Certificate{
		DNSNames: pair.Leaf.DNSNames, IPAddresses: pair.Leaf.IPAddresses, NotBefore: pair.Leaf.NotBefore, NotAfter: pair.Leaf.NotAfter,
	}
	return read[sum]
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
	served, byName, complete := map[*x509.Certificate]bool{}, map[string][]*x509.Certificate{}, true
	for _, ls := range l.Config.Listeners {
		if ls.TLS == nil {
			continue
		}
		for _, name := range ls.TLS.Certificates {
			leaf := leaves[name]
			if leaf == nil {
				complete = false
			} else if !served[leaf] {
				served[leaf] = true
				for _, n := range namesOf(leaf) {
					byName[n] = append(byName[n], leaf)
				}
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
			for _, leaf := range slices.Concat(byName[plain(h)], byName[wild(h)]) {
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
		if leaf := leaves[c.Name]; leaf != nil && served[leaf] && !matched[leaf] && !open {
			l.Warnf(c.At, fmt.Sprintf("certificate %q is for no host of any vhost", c.Name), "It is for "+schema.List(leaf.DNSNames)+".", "")
		}
	}
}

// namesOf returns what a certificate is for, as plain and wild ask for it.
func namesOf(leaf *x509.Certificate) (list []string) {
	for _, n := range leaf.DNSNames {
		list = append(list, plain(n))
	}
	for _, ip := range leaf.IPAddresses {
		list = append(list, ip.String())
	}
	return list
}

// plain returns a host in the one way in which it is written here, and wild the
// wildcard that may stand for it, "" when there is none.
func plain(host string) string {
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil {
		return ip.String()
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

func wild(host string) string {
	if _, parent, ok := strings.Cut(plain(host), "."); ok {
		return "*." + parent
	}
	return ""
}

// leafMatches compares a host of ours, which may be a wildcard, with a certificate.
func leafMatches(leaf *x509.Certificate, host string) bool {
	if strings.HasPrefix(host, "*.") {
		return slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return strings.EqualFold(n, host) })
	}
	return leaf.VerifyHostname(host) == nil
}
