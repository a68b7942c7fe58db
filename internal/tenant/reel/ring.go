package reel

import "sync"

// Kept is a recording in a Ring. Start and Program are shared with others.
type Kept struct {
	Head    Head
	Start   []byte
	Events  []byte
	Program []byte
}

// overhead is what a recording takes beside its events, about.
const overhead = 512

func (k *Kept) size() int64 { return int64(len(k.Events)) + overhead }

// Ring keeps recordings up to a bound in bytes; the oldest go first. The programs
// that they refer to are not counted: each is there once. The zero value keeps
// nothing.
type Ring struct {
	mu    sync.Mutex
	limit int64
	used  int64
	list  []*Kept // the oldest first
}

// SetLimit sets the bound.
func (r *Ring) SetLimit(bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit = bytes
	r.trim()
}

// Put keeps k unless it alone is above the bound. The ring owns it.
func (r *Ring) Put(k *Kept) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k.size() > r.limit {
		return false
	}
	r.list, r.used = append(r.list, k), r.used+k.size()
	r.trim()
	return true
}

func (r *Ring) trim() {
	n := 0
	for ; r.used > r.limit && n < len(r.list); n++ {
		r.used -= r.list[n].size()
		r.list[n] = nil // or the array would hold it
	}
	r.list = r.list[n:]
}

// List returns what is kept, the newest first.
func (r *Ring) List() []*Kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*Kept, 0, len(r.list))
	for i := len(r.list) - 1; i >= 0; i-- {
		list = append(list, r.list[i])
	}
	return list
}

// Find returns the newest recording of a request, or nil.
func (r *Ring) Find(id string) *Kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.list) - 1; i >= 0; i-- {
		if r.list[i].Head.ID == id {
			return r.list[i]
		}
	}
	return nil
}
