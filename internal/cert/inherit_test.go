package cert

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestKeysAreInherited(t *testing.T) {
	old := NewStore(Options{})
	defer old.Close()
	if err := old.keys.turn(time.Now()); err != nil {
		t.Fatal(err)
	}
	next := NewStore(Options{})
	defer next.Close()
	next.Inherit(old.Keys())
	if _, err := next.Prepare(nil, nil); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(old.Keys(), next.Keys()); d != "" {
		t.Error(d)
	}
}
