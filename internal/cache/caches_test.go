package cache

import (
	"errors"
	"testing"

	"fishplate/internal/cache/store"
	"fishplate/internal/model"
)

// TestMaxObjectFollowsTheConfiguration commits another max_object for a store
// that stays.
func TestMaxObjectFollowsTheConfiguration(t *testing.T) {
	c := New(Options{})
	t.Cleanup(c.Close)
	var s *Store
	for _, most := range []int64{1 << 20, 4 << 20, 64 << 10} {
		u, err := c.Prepare(&model.Config{Caches: []*model.Cache{{Name: "main", Memory: 32 << 20, MaxObject: most}}})
		if err != nil {
			t.Fatal(err)
		}
		u.Commit()
		if s != nil && s != u.Store("main") {
			t.Fatal("the store is another one")
		}
		s = u.Store("main")
		p := s.memory.Partition("vhost/a")
		for _, length := range []int64{most, most + 1} {
			text := []byte("http://a.test/")
			o, err := s.memory.Begin(p, store.KeyOf(p.ID(), text), &store.Meta{Total: length}, &store.Parts{Key: text}, length)
			if tooLarge := errors.Is(err, store.ErrTooLarge); tooLarge != (length > most) {
				t.Errorf("max_object %d, an object of %d: %v", most, length, err)
			}
			if err == nil {
				o.Abort()
				o.Unpin()
			}
		}
	}
}
