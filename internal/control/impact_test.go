package control

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/model"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestEffects prints what is said of every kind of change.
func TestEffects(t *testing.T) {
	var out bytes.Buffer
	kinds := []string{"vhost", "route", "server", "backend", "listener", "certificate", "tenant", "log", "cache", "admin", "state", "process"}
	for _, kind := range kinds {
		for _, action := range []string{"add", "remove", "change"} {
			text, _ := effect(kind, action)
			fmt.Fprintf(&out, "%s %s: %s\n", kind, action, text)
		}
	}
	golden(t, "testdata/effects.txt", out.Bytes())
}

// TestAssess joins numbers and words.
func TestAssess(t *testing.T) {
	census := func(kind, key string) Numbers {
		if kind == "server" && key == "app/a" {
			return Numbers{Connections: 12, Sessions: 340}
		}
		return Numbers{Connections: 1, Objects: 2, Tenants: 1}
	}
	got := assess([]Change{
		{Kind: "server", Key: "app/a", Action: "remove"},
		{Kind: "server", Key: "app/a", Action: "add"},
		{Kind: "server", Key: "app/b", Action: "change", Fields: []Field{{"state", "drain", ""}, {"weight", "5", "100"}}},
		{Kind: "listener", Key: "web", Action: "change", Fields: []Field{{"bind", ":80", ":81"}}},
		{Kind: "listener", Key: "web", Action: "change", Fields: []Field{{"timeouts.idle", "75s", "5s"}}},
		{Kind: "listener", Key: "web", Action: "change", Fields: []Field{{"accept.shards", "1", "2"}}},
		{Kind: "route", Key: "any/ttl", Action: "change", Fields: []Field{{"cache.ttl", "1m", "1h"}, {"cache.tags", "", "a"}}},
		{Kind: "route", Key: "any/key", Action: "change", Fields: []Field{{"cache.key.query", "all", "sort"}, {"cache.ttl", "1m", "1h"}}},
		{Kind: "route", Key: "any/vary", Action: "change", Fields: []Field{{"cache.vary.ignore", "", "User-Agent"}}},
		{Kind: "route", Key: "any/new", Action: "change", Fields: []Field{{"cache", "", "on"}, {"cache.key.query", "", "all"}}},
		{Kind: "vhost", Key: "gone", Action: "change", Fields: []Field{{"cache", "on", ""}, {"cache.ttl", "1m", ""}}},
		{Kind: "vhost", Key: "off", Action: "change", Fields: []Field{{"cache.enabled", "", "false"}}},
		{Kind: "tenant", Key: "both", Action: "change", Fields: []Field{{"cache.ttl", "1m", "1h"}, {"program", "a.elf", "b.elf"}}},
		{Kind: "tenant", Key: "next", Action: "change", Fields: []Field{{"update.warm_up", "", "\"GET /\""}}},
		{Kind: "tenant", Key: "more", Action: "change", Fields: []Field{{"memory", "1MiB", "2MiB"}, {"update.warm_up", "", "\"GET /\""}}},
		{Kind: "cache", Key: "main", Action: "change", Fields: []Field{{"memory", "64MiB", "32MiB"}}},
		{Kind: "cache", Key: "main", Action: "change", Fields: []Field{{"disk", "", "on"}, {"disk.path", "", "/c"}}},
	}, func() func(kind, key string) Numbers { return census })
	var out bytes.Buffer
	for _, c := range got {
		fmt.Fprintf(&out, "%s %s %s: %+v\n", c.Action, c.Kind, c.Key, c.Impact)
	}
	golden(t, "testdata/assess.txt", out.Bytes())
	if list := assess(nil, nil); list == nil {
		t.Error("no changes encode as null")
	}
}

// TestContents finds files whose content changed behind the same name.
func TestContents(t *testing.T) {
	cfg := func(program string) *model.Config {
		return &model.Config{
			Certificates: []*model.Certificate{{Name: "shop", Cert: "c.pem", Key: "c.key"}},
			Tenants:      []*model.Tenant{{Name: "t", Program: program}},
			Listeners:    []*model.Listener{{Name: "web", TLS: &model.ListenerTLS{ClientCA: "ca.pem"}}},
			Backends:     []*model.Backend{{Name: "app", TLS: &model.BackendTLS{CA: "gone.pem"}}},
		}
	}
	files := map[string]string{"c.pem": "1", "c.key": "1", "ca.pem": "1", "t.elf": "1", "u.elf": "9"}
	digest := func(path string) (string, error) {
		if d, ok := files[path]; ok {
			return d, nil
		}
		return "", errors.New("absent")
	}
	old := &state{config: cfg("t.elf"), files: digests(cfg("t.elf"), digest)}
	files["c.pem"], files["c.key"], files["t.elf"] = "2", "3", "2"
	next := &state{config: cfg("t.elf"), files: digests(cfg("t.elf"), digest)}
	want := []Change{
		{Kind: "certificate", Key: "shop", Action: "change", Fields: []Field{{"cert content", "1", "2"}, {"key content", "1", "3"}}},
		{Kind: "tenant", Key: "t", Action: "change", Fields: []Field{{"memory", "1MiB", "2MiB"}, {"program content", "1", "2"}}},
	}
	text := []Change{{Kind: "tenant", Key: "t", Action: "change", Fields: []Field{{"memory", "1MiB", "2MiB"}}}}
	got := contents(text, old, next)
	if d := cmp.Diff([]Change{want[1], want[0]}, got); d != "" {
		t.Error(d)
	}
	// Another name is a change of the text, not of the content.
	renamed := &state{config: cfg("u.elf"), files: digests(cfg("u.elf"), digest)}
	for _, c := range contents(nil, next, renamed) {
		t.Errorf("unexpected %v", c)
	}
}

func TestDigestFile(t *testing.T) {
	path := t.TempDir() + "/f"
	if _, err := digestFile(path); err == nil {
		t.Error("an absent file has a digest")
	}
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := digestFile(path); err != nil || d != "ba7816bf8f01cfea" {
		t.Errorf("digest %q, %v", d, err)
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-update rewrites it):\n%s", path, d)
	}
}

// TestCompilerWrites: what a compiler leaves beside its sources is no change.
func TestCompilerWrites(t *testing.T) {
	dir := t.TempDir()
	lock := filepath.Join(dir, "Cargo.lock")
	cfg := &model.Config{Tenants: []*model.Tenant{{Name: "t", Program: dir}}}
	c := New(Options{
		Load:    func(context.Context, string) (*model.Config, []Problem, []Problem) { return cfg, nil, nil },
		Diff:    func(_, _ *model.Config) []Change { return nil },
		Builder: &fake{hook: func(context.Context, *Transaction) error { return os.WriteFile(lock, []byte("1"), 0o600) }},
		Digest: func(path string) (string, error) {
			text, err := os.ReadFile(filepath.Join(path, "Cargo.lock"))
			if errors.Is(err, fs.ErrNotExist) {
				return "none", nil
			}
			return string(text), err
		},
	})
	defer c.Close(t.Context())
	if err := c.Start(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if p := c.Plan(t.Context(), "a"); len(p.Changes) > 0 {
		t.Errorf("%+v", p.Changes)
	}
	if err := os.WriteFile(lock, []byte("2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p := c.Plan(t.Context(), "a"); len(p.Changes) != 1 {
		t.Errorf("%+v", p.Changes)
	}
}

// TestHistoryNamesSoManyChanges: of old commits only the number of changes stays in
// memory; the newest is named whatever it changed.
func TestHistoryNamesSoManyChanges(t *testing.T) {
	c := New(Options{})
	for id := uint64(1); id <= 20; id++ {
		if err := c.record(Entry{ID: id, Changes: make([]Change, 1000), More: 7}, &model.Config{}, false); err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range c.History() {
		want := 1000
		if i >= namedChanges/1000 {
			want = 0
		}
		if len(e.Changes) != want || len(e.Changes)+e.More != 1007 || e.Changes == nil {
			t.Errorf("entry %d names %d changes, and has %d more", e.ID, len(e.Changes), e.More)
		}
	}
	if err := c.record(Entry{ID: 21, Changes: make([]Change, namedChanges+1)}, &model.Config{}, false); err != nil {
		t.Fatal(err)
	}
	if e := c.last(); len(e.Changes) != namedChanges+1 {
		t.Errorf("the newest names %d changes", len(e.Changes))
	}
}
