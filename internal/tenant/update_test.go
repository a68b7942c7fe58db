package tenant

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"fishplate/internal/model"
)

// atLine is a log that does something once, when a program prints a text: in the
// middle of its start-up.
type atLine struct {
	text string
	once *sync.Once
	do   *func()
}

func (h atLine) Enabled(context.Context, slog.Level) bool { return true }
func (h atLine) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h atLine) WithGroup(string) slog.Handler            { return h }

func (h atLine) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if *h.do != nil && strings.Contains(a.Value.String(), h.text) {
			h.once.Do(*h.do)
		}
		return true
	})
	return nil
}

// An update during which the configuration is loaded again is an update of the
// tenant that is there afterwards.
func TestUpdateMeetsReload(t *testing.T) {
	files := map[string][]byte{"a": program(t, "hello")}
	s := filesSet(files)
	defer s.Close()
	var reload func()
	s.o.Logger = slog.New(atLine{"request", new(sync.Once), &reload})
	load(t, s, named("a", false))
	changed := named("a", false)
	changed.Instructions++
	u, errs := s.Prepare(context.Background(), []*model.Tenant{changed})
	if errs != nil {
		t.Fatal(errs)
	}
	before := s.Tenant("a")
	reload = u.Commit
	elf := guest(t, "store_sum")
	v, err := s.Update(context.Background(), "a", elf, UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	now := s.Tenant("a")
	if now == before {
		t.Fatal("the configuration was not loaded again meanwhile")
	}
	if im := now.current.Load(); im.code.short() != v.Hash || !v.Current {
		t.Errorf("program %s runs, and the update says %s", im.code.short(), v.Hash)
	}
	if !before.current.Load().retired.Load() {
		t.Error("what the update started for the tenant that went keeps its forks")
	}
}

// What came by the API before the tenant had a key does not stay when it gets one.
func TestKeyForWhatCameByUpdate(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	elf := program(t, "hello")
	other := guest(t, "store_sum")
	files := map[string][]byte{"a": elf, "a.sig": Sign(private, "a", elf)}
	s := filesSet(files)
	defer s.Close()
	load(t, s, named("a", false))
	give(t, s, "a", other)
	m := named("a", false)
	m.Key = base64.StdEncoding.EncodeToString(public)
	u, errs := s.Prepare(context.Background(), []*model.Tenant{m})
	if errs != nil {
		t.Fatal(errs)
	}
	if w := u.Warnings(); len(w) != 1 || !errors.Is(w[0], ErrSignature) {
		t.Errorf("warnings %v", w)
	}
	u.Commit()
	if got := s.Tenant("a").current.Load().code; got.hash != u.origins["a"].file.hash {
		t.Error("an unsigned program runs on")
	}
	if _, err := s.Rollback(context.Background(), "a", 0); !errors.Is(err, ErrSignature) {
		t.Errorf("back to the unsigned one: %v", err)
	}
	signed, err := s.Update(context.Background(), "a", other, UpdateOptions{Signature: Sign(private, "a", other)})
	if err != nil {
		t.Fatal(err)
	}
	load(t, s, m)
	if list := s.Versions("a"); list[0].Number != signed.Number {
		t.Errorf("a signed one did not stay: %+v", list)
	}
}

// Going back starts a program as an update does, and is bounded as it is.
func TestRollbacksAreBounded(t *testing.T) {
	m := named("a", false)
	m.Update = model.UpdateLimit{Size: 1 << 20, Rate: 1e-9}
	s := filesSet(map[string][]byte{"a": program(t, "hello")})
	defer s.Close()
	load(t, s, m)
	give(t, s, "a", guest(t, "store_sum"))
	for i := range updateBurst {
		if _, err := s.Rollback(context.Background(), "a", 0); err != nil {
			t.Fatal(i, err)
		}
	}
	if _, err := s.Rollback(context.Background(), "a", 0); !errors.Is(err, ErrRate) {
		t.Errorf("the next one: %v", err)
	}
}
