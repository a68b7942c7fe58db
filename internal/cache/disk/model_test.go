package disk

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fishplate/internal/cache/store"

	"pgregory.net/rapid"
)

// A modelObject is what the model has of one variant.
type modelObject struct {
	data  []byte
	tags  []string
	fresh int64
}

// model is the tier as a map: partition, key and vary blob to object.
type model map[[3]string]modelObject

// purge takes out what match says; soft ones are stale then.
func (m model) purge(soft bool, match func(id [3]string, o modelObject) bool) (n int) {
	for id, o := range m {
		if !match(id, o) {
			continue
		}
		n++
		if soft {
			o.fresh = 0
			m[id] = o
		} else {
			delete(m, id)
		}
	}
	return n
}

// TestModel runs random histories, with restarts, against a map.
func TestModel(t *testing.T) {
	mem := newMemory(t)
	root := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		o := Options{Path: filepath.Join(root, fmt.Sprint(runs)), Size: 64 << 20}
		defer os.RemoveAll(o.Path)
		h := &history{t: t, rt: rt, mem: mem, opt: o, tier: openTier(t, o), model: model{}}
		defer func() { closeTier(t, h.tier) }()
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			h.step()
		}
		h.compare()
	})
}

type history struct {
	t       testing.TB
	rt      *rapid.T
	mem     *memory
	opt     Options
	tier    *Tier
	model   model
	version uint64
}

func (h *history) partition() string {
	return rapid.SampledFrom([]string{"a", "b", ""}).Draw(h.rt, "partition")
}

func (h *history) key() string {
	return rapid.SampledFrom([]string{"http://h/1", "http://h/12", "https://h:8443/1?q", "http://other/1", "://h", "http://hh/1\nx", "odd"}).Draw(h.rt, "key")
}

func (h *history) step() {
	ctx := context.Background()
	soft := rapid.Bool().Draw(h.rt, "soft")
	part := h.partition()
	scope := rapid.SampledFrom([]string{part, All}).Draw(h.rt, "scope")
	in := func(id [3]string) bool { return scope == All || id[0] == scope }
	// What waits in the queue is purged all the same, but not counted.
	flushed := rapid.Bool().Draw(h.rt, "flushed")
	if flushed {
		flush(h.t, h.tier)
	}
	var n, want int
	var err error
	switch op := rapid.SampledFrom([]string{"offer", "offer", "offer", "offer", "remove", "tag", "prefix", "host", "reopen", "compare"}).Draw(h.rt, "op"); op {
	case "offer":
		h.offer(part)
		return
	case "remove":
		key := h.key()
		want = h.model.purge(soft, func(id [3]string, _ modelObject) bool { return id[0] == part && id[1] == key })
		n, err = h.tier.Purge(ctx, part, Key([]byte(key)), soft)
	case "tag":
		tag := rapid.SampledFrom([]string{"x", "xy", "y", "none"}).Draw(h.rt, "tag")
		want = h.model.purge(soft, func(id [3]string, o modelObject) bool { return in(id) && slices.Contains(o.tags, tag) })
		n, err = h.tier.Purge(ctx, scope, Tag([]byte(tag)), soft)
	case "prefix":
		prefix := rapid.SampledFrom([]string{"", "http://h", "http://h/1", "https://"}).Draw(h.rt, "prefix")
		want = h.model.purge(soft, func(id [3]string, _ modelObject) bool { return in(id) && strings.HasPrefix(id[1], prefix) })
		n, err = h.tier.Purge(ctx, scope, Prefix([]byte(prefix)), soft)
	case "host":
		want = h.model.purge(soft, func(id [3]string, _ modelObject) bool { return in(id) && string(HostOf([]byte(id[1]))) == "h" })
		n, err = h.tier.Purge(ctx, scope, Host([]byte("H")), soft)
	case "reopen":
		flush(h.t, h.tier)
		closeTier(h.t, h.tier)
		h.tier = openTier(h.t, h.opt)
		return
	case "compare":
		flush(h.t, h.tier)
		h.compare()
		return
	}
	if err != nil || flushed && n != want {
		h.rt.Fatalf("purged %d, want %d, %v", n, want, err)
	}
}

func (h *history) offer(part string) {
	h.version++
	key := h.key()
	vary := rapid.SampledFrom([]string{"", "gzip", "br"}).Draw(h.rt, "vary")
	tags := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "xy", "y"}), 0, 3, rapid.ID).Draw(h.rt, "tags")
	data := body(key, h.version, rapid.SampledFrom([]int{0, 10, 70000, 200000}).Draw(h.rt, "length"))
	if !h.mem.offer(h.t, h.tier, part, thing{key: key, vary: vary, tags: tags, data: data, meta: store.Meta{Fresh: 1 << 62, Born: 0}}) {
		h.rt.Fatal("not taken")
	}
	delete(h.model, [3]string{part, key, ""}) // once answers vary, the one that did not is nobody's
	h.model[[3]string{part, key, vary}] = modelObject{data, tags, 1}
}

// compare reads everything that may be there, and the list.
func (h *history) compare() {
	flush(h.t, h.tier)
	listed := 0
	cursor := ""
	for {
		var err error
		cursor, err = h.tier.Each(context.Background(), All, cursor, 3, func(e *Entry) bool {
			listed++
			id := [3]string{e.Partition, string(e.Key), string(e.Vary)}
			if o, ok := h.model[id]; !ok || int64(len(o.data)) != e.Length {
				h.rt.Fatalf("%q is listed with %d bytes; in the model: %v", id, e.Length, ok)
			}
			return true
		})
		if err != nil {
			h.rt.Fatal(err)
		}
		if cursor == "" {
			break
		}
	}
	if listed != len(h.model) {
		h.rt.Fatalf("%d listed, want %d", listed, len(h.model))
	}
	for id, want := range h.model {
		f, err := h.tier.Get(context.Background(), id[0], []byte(id[1]), func(_ *store.Meta, vary []byte) bool { return string(vary) == id[2] })
		if err != nil || f == nil {
			h.rt.Fatalf("%q: %v %v", id, f, err)
		}
		got := make([]byte, f.Length)
		if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, want.data) {
			h.rt.Fatalf("%q: wrong body, %v", id, err)
		}
		if stale := f.Meta.Fresh != 1<<62; stale != (want.fresh == 0) {
			h.rt.Fatalf("%q: stale is %v", id, stale)
		}
		f.Close()
	}
	<-h.tier.loaded
	if s := h.tier.Stats(); s.Objects != int64(len(h.model)) || s.Corrupt != 0 {
		h.rt.Fatalf("%d objects counted, want %d; corrupt %d", s.Objects, len(h.model), s.Corrupt)
	}
}
