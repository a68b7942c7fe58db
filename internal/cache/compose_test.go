package cache

import (
	"context"
	"strings"
	"testing"
	"time"

	"fishplate/internal/predicate"
)

// TestTagsAreLookedForOnce shows that what a look through an object has found
// stays with it, and not with the one that comes after it.
func TestTagsAreLookedForOnce(t *testing.T) {
	c := newCodedCache(t)
	look := func() (found bool, marks uint16) {
		v := &c.v
		v.Open(context.Background(), c.policy, Request{Req: c.request(""), Env: &c.env, Now: time.Now()})
		defer v.End()
		if v.State != Hit {
			t.Fatalf("state %d", v.State)
		}
		return v.hasTags(), v.Object.Marks()
	}
	text := strings.Repeat("a <b> ", 100000)
	for _, tt := range []struct {
		body  string
		found bool
		marks uint16
	}{
		{text, false, markNoTags},
		{text + `<esi:include src="/a"/>`, true, markTags},
		{"", false, markNoTags},
	} {
		c.store(tt.body)
		for range 2 {
			if found, marks := look(); found != tt.found || marks != tt.marks {
				t.Errorf("%d bytes: %v, marks %d", len(tt.body), found, marks)
			}
		}
		// A mark is believed: the body is not looked at again.
		var v Visit
		v.Open(context.Background(), c.policy, Request{Req: c.request(""), Env: &predicate.Env{}, Now: time.Now()})
		v.Object.Mark(markTags)
		v.End()
		if found, _ := look(); !found {
			t.Errorf("%d bytes: they were looked through again", len(tt.body))
		}
		v.Open(context.Background(), c.policy, Request{Req: c.request(""), Env: &predicate.Env{}, Now: time.Now()})
		v.Object.Remove()
		v.End()
	}
}
