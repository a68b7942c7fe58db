package cert

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"fishplate/internal/file"
	"fishplate/internal/model"
)

// Options are what a Store needs from outside. The zero value is usable.
type Options struct {
	ReadFile func(path string) ([]byte, error) // nil: regular files of at most file.Most bytes
	Now      func() time.Time                  // nil: time.Now
}

// Store keeps what outlives a generation: the session ticket keys, what was made
// of files that did not change, and what listeners present.
type Store struct {
	readFile func(string) ([]byte, error)
	now      func() time.Time
	stop     chan struct{}
	done     sync.WaitGroup

	mu      sync.Mutex
	keys    keyring
	read    read
	fronts  map[string]*front      // by listener
	configs map[string]*tls.Config // of the running generation, by listener
	period  time.Duration
	turning bool
}

// NewStore returns a Store without keys. Close ends it.
func NewStore(o Options) *Store {
	if o.ReadFile == nil {
		o.ReadFile = func(path string) ([]byte, error) { return file.Read(path, file.Most) }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{readFile: o.ReadFile, now: o.Now, stop: make(chan struct{}), fronts: map[string]*front{}, configs: map[string]*tls.Config{}}
}

// Update is a prepared change; nothing of it is visible before Commit.
type Update struct {
	store    *Store
	read     read
	loaded   map[string]*tls.Certificate // by name
	choosers map[string]*chooser         // by listener
	fronts   map[string]*front
	configs  map[string]*tls.Config
	period   time.Duration
}

// Prepare loads the certificates and makes the configuration of every listener
// that terminates TLS. All that is wrong is returned at once.
func (s *Store) Prepare(certs []*model.Certificate, listeners []*model.Listener) (*Update, error) {
	u := &Update{
		store: s, read: newRead(), loaded: make(map[string]*tls.Certificate, len(certs)), choosers: map[string]*chooser{}, fronts: map[string]*front{}, configs: map[string]*tls.Config{},
	}
	var errs []error
	for _, m := range certs {
		c, err := u.load(m)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		u.loaded[m.Name] = c
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, l := range listeners {
		if l.TLS == nil {
			continue
		}
		if err := u.config(l.Name, l.TLS); err != nil {
			errs = append(errs, fmt.Errorf("listener %q: tls: %w", l.Name, err))
			continue
		}
		if d := l.TLS.Tickets; !l.TLS.TicketsOff && (u.period == 0 || d > 0 && d < u.period) {
			u.period = max(d, time.Minute)
			if d == 0 {
				u.period = defaultPeriod
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return u, s.withKeys(u)
}

// withKeys gives the prepared configurations the keys of the running ones, so
// that a reload costs no client its session.
func (s *Store) withKeys(u *Update) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keys.list) == 0 {
		if err := s.keys.turn(s.now()); err != nil {
			return err
		}
	}
	for _, cfg := range u.configs {
		cfg.SetSessionTicketKeys(s.keys.list)
	}
	return nil
}

// Configs returns the configurations by listener.
func (u *Update) Configs() map[string]*tls.Config { return u.configs }

// Commit makes the prepared configurations those whose keys are turned, and lets
// their listeners present the prepared certificates.
func (u *Update) Commit() {
	s := u.store
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, f := range u.fronts {
		f.chooser.Store(u.choosers[name])
	}
	s.read, s.fronts, s.configs, s.period = u.read, u.fronts, u.configs, u.period
	for _, cfg := range s.configs {
		cfg.SetSessionTicketKeys(s.keys.list) // they may have turned since Prepare
	}
	if !s.turning && s.period > 0 {
		s.turning = true
		s.done.Go(s.run)
	}
}

// Abort drops the preparation.
func (u *Update) Abort() { u.configs = nil }

// Close ends the goroutine that turns the keys.
func (s *Store) Close() {
	close(s.stop)
	s.done.Wait()
}

// turnCheck is how often the age of the ticket key is looked at.
const turnCheck = time.Minute

func (s *Store) run() {
	tick := time.NewTicker(turnCheck)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.turn()
		}
	}
}

// turn makes a new ticket key when the present one is old enough. Without
// randomness the old key stays.
func (s *Store) turn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A key that another process made while the clock was ahead is old enough.
	if age := s.now().Sub(s.keys.since); s.period == 0 || age >= 0 && age < s.period {
		return
	}
	if s.keys.turn(s.now()) != nil {
		return
	}
	for _, cfg := range s.configs {
		cfg.SetSessionTicketKeys(s.keys.list)
	}
}

// config makes one listener's configuration.
func (u *Update) config(listener string, m *model.ListenerTLS) error {
	byName := newChooser()
	for i, name := range m.Certificates {
		c := u.loaded[name]
		if c == nil {
			return fmt.Errorf("no certificate %q", name)
		}
		byName.add(c)
		if name == m.Default || m.Default == "" && i == 0 {
			byName.fallback = c
		}
	}
	if m.Default != "" && !slices.Contains(m.Certificates, m.Default) {
		if byName.fallback = u.loaded[m.Default]; byName.fallback == nil {
			return fmt.Errorf("no certificate %q", m.Default)
		}
		byName.add(byName.fallback)
	}
	if byName.fallback == nil {
		return errors.New("no certificates")
	}
	curves, err := curvesOf(m.Curves)
	if err != nil {
		return err
	}
	cfg := &tls.Config{
		GetCertificate:         u.front(listener, byName).choose,
		GetConfigForClient:     greet,
		MinVersion:             tls.VersionTLS12,
		CurvePreferences:       curves,
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: m.TicketsOff,
		Time:                   u.store.now,
	}
	switch m.MinVersion {
	case "", "1.2":
	case "1.3":
		cfg.MinVersion = tls.VersionTLS13
	default:
		return fmt.Errorf("min_version %q: 1.2 or 1.3", m.MinVersion)
	}
	u.configs[listener] = cfg
	return u.clientAuth(cfg, m)
}

// clientAuth asks for client certificates of the given authority.
func (u *Update) clientAuth(cfg *tls.Config, m *model.ListenerTLS) error {
	switch m.ClientAuth {
	case "":
		if m.ClientCA == "" {
			return nil
		}
		cfg.ClientAuth = tls.VerifyClientCertIfGiven
	case "optional":
		cfg.ClientAuth = tls.VerifyClientCertIfGiven
	case "required":
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	default:
		return fmt.Errorf("client_auth %q: optional or required", m.ClientAuth)
	}
	var err error
	if cfg.ClientCAs, err = u.pool(m.ClientCA); err != nil {
		return fmt.Errorf("client_ca: %w", err)
	}
	return nil
}

// curvesOf returns the key exchanges by their names; none means Go's choice.
func curvesOf(names []string) ([]tls.CurveID, error) {
	known := map[string]tls.CurveID{
		"X25519MLKEM768": tls.X25519MLKEM768, "X25519": tls.X25519,
		"P256": tls.CurveP256, "P384": tls.CurveP384, "P521": tls.CurveP521,
	}
	var list []tls.CurveID
	for _, n := range names {
		id, ok := known[n]
		if !ok {
			return nil, fmt.Errorf("curve %q is unknown: X25519MLKEM768, X25519, P256, P384 or P521", n)
		}
		list = append(list, id)
	}
	return list, nil
}
