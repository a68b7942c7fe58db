package reel

import "sync"

// overhead is what a recording takes beside its events, about.
const overhead = 512

func (f *File) size() int64 { return int64(len(f.Events)) + overhead }

// Ring keeps recordings up to a bound in bytes; the oldest go first. The programs
// that they refer to are not counted: each is there once. The zero value keeps
// nothing.
type Ring struct {
	mu    sync.Mutex
	limit int64
	used  int64
	list  []*File // the oldest first
}

// SetLimit sets the bound.
func (r *Ring) SetLimit(bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit = bytes
	r.trim()
}

// Put keeps f unless it alone is above the bound. The ring owns it; what main
// learned and the program may be shared with others.
func (r *Ring) Put(f *File) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.size() > r.limit {
		return false
	}
	r.list, r.used = append(r.list, f), r.used+f.size()
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
func (r *Ring) List() []*File {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*File, 0, len(r.list))
	for i := len(r.list) - 1; i >= 0; i-- {
		list = append(list, r.list[i])
	}
	return list
}

// Find returns the newest recording of a request, or nil.
func (r *Ring) Find(id string) *File {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.list) - 1; i >= 0; i-- {
		if r.list[i].Head.ID == id {
			return r.list[i]
		}
	}
	return nil
}
