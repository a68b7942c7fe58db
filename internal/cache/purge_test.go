package cache

import (
	"testing"

	"fishplate/internal/cache/store"
	"fishplate/internal/model"
)

// openStore returns a store of its own.
func openStore(t *testing.T) *Store {
	t.Helper()
	c := New(Options{})
	t.Cleanup(c.Close)
	u, err := c.Prepare(&model.Config{Caches: []*model.Cache{{Name: "main", Memory: 4 << 20, MaxObject: 1 << 20}}})
	if err != nil {
		t.Fatal(err)
	}
	u.Commit()
	return u.Store("main")
}

// TestPurgesMeanWhatIsOnItsWay: an object that was begun before a purge and
// comes after it is struck, although the text of the purge is gone by then.
func TestPurgesMeanWhatIsOnItsWay(t *testing.T) {
	s := openStore(t)
	p := s.memory.Partition("vhost/a")
	begin := func(text, tag string) *store.Object {
		o, err := s.memory.Begin(p, store.KeyOf(p.ID(), []byte(text)), &store.Meta{Status: 200}, &store.Parts{Key: []byte(text), Tags: [][]byte{[]byte(tag)}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(o.Unpin)
		return o
	}
	tagged, other := begin("http://a/1", "red"), begin("http://b:81/2", "blue")
	k := strike{s: s}
	for _, tt := range []struct {
		name   string
		strike func([]byte)
		text   string
		tagged bool
		other  bool
	}{
		{"tag", func(b []byte) { _, _ = k.tag(t.Context(), b) }, "red", true, false},
		{"prefix", func(b []byte) { _, _ = k.prefix(t.Context(), b) }, "http://a/", true, false},
		{"prefix without scheme", func(b []byte) { _, _ = k.prefix(t.Context(), b) }, "b:81/", false, true},
		{"host", func(b []byte) { _, _ = k.host(t.Context(), b) }, "b", false, true},
		{"url", func(b []byte) { _, _ = (&strike{s: s, only: p}).url(t.Context(), b) }, "http://a/1", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			since := s.recent.sequence()
			text := []byte(tt.text)
			tt.strike(text)
			clear(text)
			if got := s.recent.struck(since, tagged); got != tt.tagged {
				t.Errorf("struck the first: %t, want %t", got, tt.tagged)
			}
			if got := s.recent.struck(since, other); got != tt.other {
				t.Errorf("struck the second: %t, want %t", got, tt.other)
			}
		})
	}
}
