package tenant

import (
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"time"

	"fishplate/internal/model"
)

// Bounds of what is kept of a tenant's programs.
const (
	keptVersions = 5
	keptBytes    = 64 << 20 // of them together

	defaultSize = 64 << 20 // bytes of a program, when the model has no bound
	updateBurst = 3        // updates that may come at once, however seldom they may
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

// A version is what is kept of one; its bytes are kept elsewhere.
type version struct {
	Version
	sha256    string // of the program, hexadecimal
	signature string // base64; "" is none
}

// history is what a Set keeps of a tenant's programs; it outlives reloads. It is
// guarded by the Set's mutex.
type history struct {
	list   []version // the oldest first
	at     int       // the current one
	next   int
	coming version // that is on its way to be the current one
	given  string  // SHA-256 of the current program, if it came by the API
	update bucket
	back   bucket // of rollbacks, which cost the same
}

// bucket bounds how often a tenant's program is replaced.
type bucket struct {
	tokens float64 // that may be taken now
	filled time.Time
}

// historyOf returns what is kept of a tenant's programs. The Set is locked.
func (s *Set) historyOf(name string) *history {
	h := s.histories[name]
	if h == nil {
		h = &history{next: 1}
		s.histories[name] = h
	}
	return h
}

// current returns the version that runs, or nil.
func (h *history) current() *version {
	if len(h.list) == 0 {
		return nil
	}
	return &h.list[h.at]
}

// add makes v, which has its number, the current version and forgets what is
// beyond the bounds.
func (h *history) add(v version) {
	h.next = max(h.next, v.Number+1)
	h.list = append(h.list, v)
	h.at = len(h.list) - 1
	for len(h.list) > 1 && (len(h.list) > keptVersions || h.bytes() > keptBytes) {
		h.list = slices.Delete(h.list, 0, 1)
		h.at--
	}
}

func (h *history) bytes() (n int) {
	for _, v := range h.list {
		n += v.Size
	}
	return n
}

// find returns version n; 0 is the one before the current.
func (h *history) find(n int) (version, error) {
	if n == 0 && h.at > 0 && len(h.list) > 0 {
		return h.list[h.at-1], nil
	}
	for _, v := range h.list {
		if v.Number == n {
			return v, nil
		}
	}
	return version{}, ErrNoVersion
}

// runs notes that a program is the current one: that of the file, or number n of
// those that came by the API.
func (h *history) runs(c *code, n int, signature string) {
	hash := hex.EncodeToString(c.hash[:])
	coming := h.coming
	h.coming = version{}
	h.given = ""
	if n > 0 {
		h.given = hash
	}
	if v := h.current(); v != nil && v.sha256 == hash && (n == 0 || v.Number == n) {
		return
	}
	v := version{Version: Version{Number: n, Time: time.Now(), Source: "file"}, sha256: hash, signature: signature}
	if n == 0 {
		v.Number = h.next
	} else {
		v.Source = "update"
		for i, had := range h.list {
			if had.Number == n && had.sha256 == hash {
				h.at = i
				return
			}
		}
	}
	if coming.Number == n && coming.sha256 == hash {
		v = coming
		v.Time = time.Now()
	}
	v.Hash, v.Size = c.short(), len(c.elf)
	h.add(v)
}

// allow takes one of the updates that the tenant may make now.
func (b *bucket) allow(limit model.UpdateLimit, now time.Time) bool {
	if limit.Rate <= 0 {
		return true
	}
	burst := max(updateBurst, math.Ceil(limit.Rate)) // what a second allows may come in one moment of it
	if b.filled.IsZero() {
		b.tokens = burst
	} else {
		b.tokens = min(burst, b.tokens+now.Sub(b.filled).Seconds()*limit.Rate)
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
	if h == nil || h.given == "" || s.tenants[name] == nil {
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
		v.Current = i == h.at
		list = append(list, v)
	}
	return list
}

// Known is a version that another process knew.
type Known struct {
	Version
	SHA256    string
	Signature string
}

// Remember takes in versions of a tenant's programs, in the order of their
// numbers, before anything of it runs.
func (s *Set) Remember(name string, list []Known) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.historyOf(name)
	for _, k := range list {
		if k.Number >= h.next {
			k.Current = false
			h.add(version{Version: k.Version, sha256: k.SHA256, signature: k.Signature})
		}
	}
}

// Wanted returns the SHA-256 of the programs that tenants may be given back.
func (s *Set) Wanted() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.histories {
		for i := len(h.list) - 1; i >= 0; i-- {
			list = append(list, h.list[i].sha256)
		}
	}
	return list
}
