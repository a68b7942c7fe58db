package cache

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"fishplate/internal/model"
)

func TestValues(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	c := New(Options{Clock: func() time.Time { return now }})
	defer c.Close()
	v := c.Values()
	if v.Put("a", []byte("k"), []byte("v"), time.Second, 0, nil) || v.Delete("a", []byte("k")) {
		t.Error("there is no store yet")
	}
	u, err := c.Prepare(&model.Config{Caches: []*model.Cache{{Name: "main", Memory: 16 << 20, MaxObject: 4 << 20}}})
	if err != nil {
		t.Fatal(err)
	}
	u.Commit()
	big := []byte(strings.Repeat("x", 1<<20))
	for key, value := range map[string][]byte{"k": []byte("v"), "big": big, "empty": nil} {
		if !v.Put("a", []byte(key), value, time.Second, time.Second, [][]byte{[]byte("t")}) {
			t.Fatalf("%s is not stored", key)
		}
		got, ok := v.Get("a", []byte(key), []byte("+"))
		if !ok || !bytes.Equal(got, append([]byte("+"), value...)) {
			t.Errorf("%s: %d bytes, %v", key, len(got), ok)
		}
	}
	if _, ok := v.Get("b", []byte("k"), nil); ok {
		t.Error("one tenant reads another's value")
	}
	now = now.Add(1500 * time.Millisecond)
	if _, ok := v.Get("a", []byte("k"), nil); !ok {
		t.Error("a value within its grace is gone")
	}
	now = now.Add(time.Second)
	if _, ok := v.Get("a", []byte("k"), nil); ok {
		t.Error("a value is there for ever")
	}
	v.Put("a", []byte("k"), []byte("w"), time.Minute, 0, [][]byte{[]byte("t")})
	if got, ok := v.Get("a", []byte("k"), nil); !ok || string(got) != "w" {
		t.Errorf("%q %v", got, ok)
	}
	if done, err := c.Purge(t.Context(), Purge{Tags: []string{"t"}, Partition: "tenant/a"}); err != nil || done.Objects == 0 {
		t.Error(done, err)
	}
	if _, ok := v.Get("a", []byte("k"), nil); ok {
		t.Error("a purge by tag left a value")
	}
	v.Put("a", []byte("k"), []byte("w"), time.Minute, 0, nil)
	if !v.Delete("a", []byte("k")) {
		t.Error("not deleted")
	}
	if _, ok := v.Get("a", []byte("k"), nil); ok {
		t.Error("deleted, and there")
	}
}

// A value that is put after a ban is not what the ban means, however far the
// lurker is; one that was there before is gone at once.
func TestValuesAndBans(t *testing.T) {
	c := New(Options{Clock: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	defer c.Close()
	v := c.Values()
	u, err := c.Prepare(&model.Config{Caches: []*model.Cache{{Name: "main", Memory: 16 << 20, MaxObject: 4 << 20}}})
	if err != nil {
		t.Fatal(err)
	}
	u.Commit()
	s := c.all()[0]
	for round, ban := range []string{`obj.status == 404`, `obj.status == 200`, `obj.status == 200`} {
		v.Put("a", []byte("old"), []byte("v"), time.Minute, 0, nil)
		if _, err := c.Purge(t.Context(), Purge{Ban: ban, Partition: "tenant/a"}); err != nil {
			t.Fatal(err)
		}
		v.Put("a", []byte("new"), []byte("v"), time.Minute, 0, nil)
		if _, ok := v.Get("a", []byte("old"), nil); ok != (round == 0) {
			t.Errorf("round %d: what was there before is there: %v", round, ok)
		}
		for range 4 {
			s.lurk(lurkObjects) // to its end, which drops the ban, and once more
		}
		v.Put("a", []byte("later"), []byte("v"), time.Minute, 0, nil)
		if _, err := c.Purge(t.Context(), Purge{Ban: `obj.status == 500`}); err != nil {
			t.Fatal(err)
		}
		s.lurk(lurkObjects)
		for _, key := range []string{"new", "later"} {
			if _, ok := v.Get("a", []byte(key), nil); !ok {
				t.Errorf("round %d: %s is gone", round, key)
			}
		}
	}
}
