package cache

import (
	"context"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// TestAnotherOwner: what is on its way into an empty partition that leaves is
// neither given to the next one of its name nor kept for it.
func TestAnotherOwner(t *testing.T) {
	c := New(Options{})
	t.Cleanup(c.Close)
	commit := func(parts ...*model.Partition) (p *Policy) {
		t.Helper()
		u, err := c.Prepare(&model.Config{Caches: []*model.Cache{{Name: "main", Memory: 32 << 20, MaxObject: 4 << 20}}, Partitions: parts})
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			p, err = u.Compile(&model.CachePolicy{
				Enabled: true, Store: "main", Methods: []string{"GET"}, Wait: time.Minute, HitForMiss: time.Minute, Key: model.CacheKey{Query: "all", Scheme: true, Host: true},
			}, part.Name, predicate.Options{})
			if err != nil {
				t.Fatal(err)
			}
		}
		u.Commit()
		return p
	}
	now := time.Now()
	open := func(p *Policy) *Visit {
		r := &message.Request{Method: []byte("GET"), Scheme: "http", Host: []byte("a.test"), Path: []byte("/"), Minor: 1}
		v := new(Visit)
		v.Open(context.Background(), p, Request{Req: r, Env: &predicate.Env{}, Now: now})
		return v
	}
	take := func(v *Visit) Taken {
		resp := &message.Response{Status: 200, Framing: message.Length, Length: 3}
		resp.Add("Cache-Control", "max-age=60")
		return v.Take(resp, now, now)
	}
	part := &model.Partition{Name: "vhost/a"}
	old := commit(part)
	fetch := open(old)
	same := commit(part) // it stays
	commit()             // it leaves, and nothing was in it
	comes := func(who string, p *Policy, want State) {
		t.Helper()
		v := open(p)
		if v.State != want {
			t.Errorf("%s: state %d, %v", who, v.State, v.Kind)
		}
		v.End()
	}
	comes("who comes by the old generation", old, Pass)
	next := commit(part)
	if got := take(fetch); got != Stored {
		t.Fatalf("taken %d", got)
	}
	comes("who could have the fetch of the owner before", next, Fetch)
	f := fetch.Filling()
	f.Append([]byte("old"))
	f.End(true)
	fetch.End()
	comes("who could have what it brought", next, Fetch)
	comes("who comes after another change", commit(part), Fetch)
	comes("who comes by a generation between", same, Pass)
}
