package learned

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"fishplate/internal/model"
	"fishplate/internal/records"
	"fishplate/internal/upstream/health"
	"fishplate/internal/upstream/persist"
)

// Bounds of what is read: bytes of one record, and things in one backend.
const (
	Longest = 64 << 20
	most    = 1 << 20
)

// Server is what is known of a server.
type Server struct {
	Name, Address string
	PinName       string        // what persistence cookies call it
	Check         health.Memory // of its checks
	PinnedAt      int64         // Unix nanoseconds

	Removed time.Time    // when it left the configuration; zero = it is in
	Is      model.Server // of one that left: what it was
}

// Backend is what is known of a backend.
type Backend struct {
	Name    string
	Servers []Server
	Found   []*model.Server // by discovery, last good
	Lapsed  *Lapsed
	Gone    persist.Gone
}

// Lapsed is the persistence that the backend had before its present one.
type Lapsed struct {
	Persist model.Persist
	Until   time.Time
}

// Put writes a backend.
func (b *Backend) Put(w *records.Writer) error {
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("write backend %q: %w", b.Name, err)
	}
	return w.Put(text)
}

// ReadBackends reads a whole stream of backends, by name.
func ReadBackends(r *records.Reader) (map[string]*Backend, error) {
	all := map[string]*Backend{}
	for {
		text, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		b := &Backend{}
		if err := json.Unmarshal(text, b); err != nil {
			return nil, fmt.Errorf("%w: %w", records.ErrFormat, err)
		}
		err = b.judge()
		if len(all) == most {
			err = errBounds
		}
		if err != nil {
			return nil, fmt.Errorf("%w: backend %q: %w", records.ErrFormat, b.Name, err)
		}
		all[b.Name] = b
	}
}

var errBounds = errors.New("out of bounds")

// judge says what cannot be.
func (b *Backend) judge() error {
	if len(b.Servers) > most || len(b.Found) > most || len(b.Gone) > most {
		return errBounds
	}
	for _, m := range b.Found {
		if m == nil {
			return errBounds
		}
	}
	for i := range b.Servers {
		s := &b.Servers[i]
		if !s.Check.Valid() || !s.Removed.IsZero() && (s.Is.Name != s.Name || s.Is.Address != s.Address) {
			return fmt.Errorf("server %q: %w", s.Name, errBounds)
		}
	}
	return nil
}
