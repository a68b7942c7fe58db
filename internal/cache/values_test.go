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
