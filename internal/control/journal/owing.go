package journal

import (
	"errors"
	"slices"
	"sync"
)

// Store keeps entries with their texts. One at a time writes; anybody reads, at any
// time.
type Store interface {
	Put(id uint64, head, text []byte) error
	Text(id uint64) ([]byte, error)
	Amend(id uint64, head []byte) error
}

// Owing is a Store with what has happened and could not be written to it yet. Nothing
// is written before that is.
type Owing struct {
	store Store
	mu    sync.Mutex
	owed  []debt // the oldest first
}

// debt is an entry, or the head of one where text is nil.
type debt struct {
	id         uint64
	head, text []byte
}

// Owe returns a Store that owes nothing yet.
func Owe(s Store) *Owing { return &Owing{store: s} }

// Put writes an entry behind all that is owed.
func (o *Owing) Put(id uint64, head, text []byte) error {
	if err := o.Settle(); err != nil {
		return err
	}
	return o.store.Put(id, head, text)
}

// Amend gives an entry another head, behind all that is owed.
func (o *Owing) Amend(id uint64, head []byte) error {
	if err := o.Settle(); err != nil {
		return err
	}
	return o.store.Amend(id, head)
}

// Text returns the text of an entry, also of one that is owed.
func (o *Owing) Text(id uint64) ([]byte, error) {
	o.mu.Lock()
	for _, d := range slices.Backward(o.owed) {
		if d.id == id && d.text != nil {
			o.mu.Unlock()
			return d.text, nil
		}
	}
	o.mu.Unlock()
	return o.store.Text(id)
}

// Later keeps in memory what could not be written: an entry, or where text is nil the
// head of one.
func (o *Owing) Later(id uint64, head, text []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.owed = append(o.owed, debt{id, head, slices.Clip(text)})
}

// Settle writes what is owed. The error says why something of it still is.
func (o *Owing) Settle() error {
	for {
		o.mu.Lock()
		if len(o.owed) == 0 {
			o.mu.Unlock()
			return nil
		}
		d := o.owed[0]
		o.mu.Unlock()
		var err error
		if d.text != nil {
			err = o.store.Put(d.id, d.head, d.text)
		} else if err = o.store.Amend(d.id, d.head); errors.Is(err, ErrNone) {
			err = nil // its entry is forgotten by now
		}
		if err != nil {
			return err
		}
		o.mu.Lock()
		o.owed = o.owed[1:]
		o.mu.Unlock()
	}
}
