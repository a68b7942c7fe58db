package tenant

import (
	"errors"
	"fmt"
	"io"
	"time"

	"fishplate/internal/records"
	"fishplate/internal/tenant/kv"
)

// The kinds of record of SaveValues: a tenant with the version that its storage
// gave last, and an entry of that storage.
const (
	recordTenant = iota
	recordEntry
)

// ValuesLongest bounds a record of SaveValues.
const ValuesLongest = kv.MaxKey + kv.MaxValue + 4096

// SaveValues writes the keys and values of all tenants, those too that wait for
// Settle, for a process that takes this one's place, when no request is admitted any more. What requests write
// that go on here is not in it.
func (s *Set) SaveValues(w *records.Writer) error {
	s.mu.Lock()
	stores := make(map[string]*kv.Store, len(s.stores))
	for name, store := range s.stores {
		stores[name] = store
	}
	s.mu.Unlock()
	now := time.Now()
	for name, store := range stores {
		err := w.Put(records.AppendInt(records.AppendText(records.AppendInt(nil, recordTenant), name), store.Latest()))
		var b []byte
		store.Each(now, func(e kv.Entry) bool {
			b = e.Append(records.AppendInt(b[:0], recordEntry))
			err = w.Put(b)
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// LoadValues takes in what SaveValues wrote, each tenant's storage whole or not at
// all, before the first request is admitted. After an error those tenants have
// theirs that came whole. What no tenant here has waits for Settle.
func (s *Set) LoadValues(r *records.Reader) error {
	var name string
	var latest int64
	var list []kv.Entry
	for {
		b, err := r.Next()
		whole := errors.Is(err, io.EOF)
		if err != nil && !whole {
			return err
		}
		f := records.FieldsOf(b)
		kind := int64(recordTenant)
		if !whole {
			kind = f.Int()
		}
		switch kind {
		case recordTenant:
			if name != "" {
				s.restore(name, list, latest)
			}
			if whole {
				return nil
			}
			name, latest, list = f.Text(), f.Int(), nil
			if err := f.End(); err != nil || latest < 0 {
				return records.ErrFormat
			}
		case recordEntry:
			e, ok := kv.EntryOf(&f)
			if !ok || name == "" {
				return fmt.Errorf("%w: an entry of tenant %q", records.ErrFormat, name)
			}
			list = append(list, e)
		default:
			return records.ErrFormat
		}
	}
}

// restore puts the entries into a tenant's storage.
func (s *Set) restore(name string, list []kv.Entry, latest int64) {
	s.storeNamed(name, 0).Restore(list, latest, time.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tenants[name]; t == nil || t.model.Storage <= 0 {
		if s.left == nil {
			s.left = map[string]bool{}
		}
		s.left[name] = true
	}
}
