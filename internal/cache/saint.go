package cache

import (
	"slices"
	"sync"

	"fishplate/internal/cache/store"
)

// saints remember which servers failed for which object, so that they are not
// asked for it again for a while: a server may be well, and yet have one broken
// document.
type saints struct {
	mu    sync.Mutex
	blame map[store.Key][]blame
}

type blame struct {
	server string
	until  int64 // unix nanoseconds
}

// Bounds of the memory for failures: objects, and servers of one object. When
// it is full, what has expired makes room; without that, nothing more is noted.
const (
	saintObjects = 8192
	saintServers = 8
)

func (s *saints) add(k store.Key, server string, now, until int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blame == nil {
		s.blame = make(map[store.Key][]blame)
	}
	list := s.live(k, now)
	if list == nil && len(s.blame) >= saintObjects {
		for other := range s.blame {
			s.live(other, now)
		}
		if len(s.blame) >= saintObjects {
			return
		}
	}
	list = slices.DeleteFunc(list, func(b blame) bool { return b.server == server })
	if len(list) == saintServers {
		list = list[1:]
	}
	s.blame[k] = append(list, blame{server, until})
}

// live returns what is still blamed for an object. s.mu is held.
func (s *saints) live(k store.Key, now int64) []blame {
	list := slices.DeleteFunc(s.blame[k], func(b blame) bool { return b.until <= now })
	if len(list) == 0 {
		delete(s.blame, k)
		return nil
	}
	s.blame[k] = list
	return list
}

// Blame notes that a server failed for the visit's object, when the policy
// minds (saint).
func (v *Visit) Blame(server string) {
	if v.State != Fetch || v.policy.Model.Saint <= 0 || server == "" {
		return
	}
	now := v.policy.clock().UnixNano()
	v.policy.store.saints.add(v.key, server, now, now+int64(v.policy.Model.Saint))
}

// Blamed calls yield with the servers that are not to be asked for the object
// while there is another.
func (v *Visit) Blamed(yield func(server string)) {
	if v.State != Fetch || v.policy.Model.Saint <= 0 {
		return
	}
	s := &v.policy.store.saints
	s.mu.Lock()
	list := slices.Clone(s.live(v.key, v.policy.clock().UnixNano()))
	s.mu.Unlock()
	for _, b := range list {
		yield(b.server)
	}
}
