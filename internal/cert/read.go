package cert

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"fishplate/internal/model"
)

// read is what was made of the files of one generation, by their contents. What did
// not change is the next one's too: it is neither parsed nor held twice.
type read struct {
	pairs map[[sha256.Size]byte]*tls.Certificate
	pools map[[sha256.Size]byte]*x509.CertPool
}

func newRead() read {
	return read{map[[sha256.Size]byte]*tls.Certificate{}, map[[sha256.Size]byte]*x509.CertPool{}}
}

// load reads one key pair.
func (u *Update) load(m *model.Certificate) (*tls.Certificate, error) {
	cert, err := u.store.readFile(m.Cert)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", m.Name, err)
	}
	key := cert
	if m.Key != m.Cert {
		if key, err = u.store.readFile(m.Key); err != nil {
			return nil, fmt.Errorf("certificate %q: %w", m.Name, err)
		}
	}
	sum := contents(cert, key)
	pair := u.read.pairs[sum]
	if pair == nil {
		pair = u.before().pairs[sum]
	}
	if pair == nil {
		made, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("certificate %q: %w", m.Name, err)
		}
		if pair = &made; pair.Leaf == nil {
			if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
				return nil, fmt.Errorf("certificate %q: %w", m.Name, err)
			}
		}
	}
	u.read.pairs[sum] = pair
	return pair, nil
}

// pool reads the authorities of a file.
func (u *Update) pool(path string) (*x509.CertPool, error) {
	text, err := u.store.readFile(path)
	if err != nil {
		return nil, err
	}
	sum := contents(text)
	pool := u.before().pools[sum]
	if pool == nil {
		if pool = x509.NewCertPool(); !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("no certificate in %s", path)
		}
	}
	u.read.pools[sum] = pool
	return pool, nil
}

// before is what was made for the generation that runs. It is not written to.
func (u *Update) before() read {
	u.store.mu.Lock()
	defer u.store.mu.Unlock()
	return u.store.read
}

// contents tells files apart by what they hold.
func contents(files ...[]byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, f := range files {
		one := sha256.Sum256(f)
		_, _ = h.Write(one[:]) // a hash takes everything
	}
	h.Sum(sum[:0])
	return sum
}
