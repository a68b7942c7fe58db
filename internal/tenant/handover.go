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

// SaveValues writes the keys and values of all tenants, for a process that takes
// this one's place, when no request is admitted any more. What requests write
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
// all, within the bounds that tenants have here, before the first request is
// admitted. After an error those tenants have theirs that came whole.
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
			s.restore(name, list, latest)
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

// restore puts the entries into a tenant's storage, if it is here and has one.
func (s *Set) restore(name string, list []kv.Entry, latest int64) {
	s.mu.Lock()
	t := s.tenants[name]
	s.mu.Unlock()
	if t == nil {
		return
	}
	store := s.storeOf(t.model)
	if store == nil {
		return
	}
	if left := store.Restore(list, latest, time.Now()); left > 0 {
		s.o.Logger.Warn("keys and values of the process before did not fit", "tenant", name, "left", left)
	}
}
