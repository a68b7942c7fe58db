package tenant

import (
	"crypto/sha256"
	"errors"
	"time"

	"fishplate/internal/model"
)

// Bounds of what is kept of a tenant's programs.
const (
	keptVersions = 5
	keptBytes    = 64 << 20 // of them together

	defaultSize = 64 << 20 // bytes of a program, when the model has no bound
	updateBurst = 3        // updates that may come at once
)

// MaxProgram returns how many bytes a program that is given to the tenant may
// have.
func (t *Tenant) MaxProgram() int64 {
	if n := t.model.Update.Size; n > 0 {
		return n
	}
	return defaultSize
}

// Why an update is refused before its program is looked at.
var (
	ErrNoTenant  = errors.New("there is no such tenant")
	ErrNoVersion = errors.New("there is no such version")
	ErrSize      = errors.New("the program is too large")
	ErrRate      = errors.New("updates come too often")
	ErrSignature = errors.New("the signature is not right")
)

// Version is a program that a tenant had, or has.
type Version struct {
	Number  int       `json:"version"` // from 1, in order of their time
	Time    time.Time `json:"time"`
	Hash    string    `json:"hash"` // of the program, its beginning
	Size    int       `json:"size"`
	Source  string    `json:"source"` // "file", "update", "rollback"
	Author  string    `json:"author,omitempty"`
	Comment string    `json:"comment,omitempty"`
	Current bool      `json:"current,omitempty"`
}

// UpdateOptions go with the program of an update.
type UpdateOptions struct {
	Comment   string
	Author    string // who sent it, for the history
	Signature []byte // for tenants with a key: 64 bytes, or base64 of them
}

type version struct {
	Version
	code      *code
	signature []byte
}

// history is what a Set keeps of a tenant's programs; it outlives reloads. It is
// guarded by the Set's mutex but for turn, which whoever updates holds.
type history struct {
	turn    chan struct{}
	list    []version // the oldest first; the last is current
	next    int
	changes int               // updates by the API, ever
	given   bool              // the current program came by the API
	file    [sha256.Size]byte // of the program in the file when it was read last
	update  bucket
	back    bucket // of rollbacks, which cost the same
}

// bucket bounds how often a tenant's program is replaced.
type bucket struct {
	tokens float64 // that may be taken now
	filled time.Time
}

func newHistory() *history {
	h := &history{turn: make(chan struct{}, 1), next: 1}
	h.turn <- struct{}{}
	return h
}

func (s *Set) historyOf(name string) *history {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.histories[name]
	if h == nil {
		h = newHistory()
		s.histories[name] = h
	}
	return h
}

// current returns the last version, or nil.
func (h *history) current() *version {
	if len(h.list) == 0 {
		return nil
	}
	return &h.list[len(h.list)-1]
}

// add makes v the current version and forgets what is beyond the bounds.
func (h *history) add(v version) Version {
	v.Number, v.Hash, v.Size = h.next, v.code.short(), len(v.code.elf)
	h.next++
	h.list = append(h.list, v)
	for len(h.list) > 1 && (len(h.list) > keptVersions || h.bytes() > keptBytes) {
		h.list[0] = version{}
		h.list = h.list[1:]
	}
	v.Current = true
	return v.Version
}

func (h *history) bytes() (n int) {
	for _, v := range h.list {
		n += v.Size
	}
	return n
}

// find returns version n; 0 is the one before the current.
func (h *history) find(n int) (version, error) {
	if n == 0 && len(h.list) > 1 {
		return h.list[len(h.list)-2], nil
	}
	for _, v := range h.list {
		if v.Number == n {
			return v, nil
		}
	}
	return version{}, ErrNoVersion
}

// allow takes one of the updates that the tenant may make now.
func (b *bucket) allow(limit model.UpdateLimit, now time.Time) bool {
	if limit.Rate <= 0 {
		return true
	}
	if b.filled.IsZero() {
		b.tokens = updateBurst
	} else {
		b.tokens = min(updateBurst, b.tokens+now.Sub(b.filled).Seconds()*limit.Rate)
	}
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// Given returns the program that a tenant runs if it came by the API, not from
// the file that the configuration names.
func (s *Set) Given(name string) (v Version, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.histories[name]
	if h == nil || !h.given || s.tenants[name] == nil {
		return Version{}, false
	}
	return h.current().Version, true
}

// Versions returns what is kept of a tenant's programs, the newest first; nil
// when there is no such tenant.
func (s *Set) Versions(name string) []Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.histories[name]
	if h == nil || s.tenants[name] == nil {
		return nil
	}
	list := make([]Version, 0, len(h.list))
	for i := len(h.list) - 1; i >= 0; i-- {
		v := h.list[i].Version
		v.Current = i == len(h.list)-1
		list = append(list, v)
	}
	return list
}
