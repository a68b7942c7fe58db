package tenant

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"fishplate/internal/model"
)

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
	m := withGiven(s, named("a", false))
	m.Key = base64.StdEncoding.EncodeToString(public)
	if err := s.Fit(m); !errors.Is(err, ErrSignature) {
		t.Errorf("fit: %v", err)
	}
	if _, errs := s.Prepare(context.Background(), []*model.Tenant{m}); len(errs) != 1 || !errors.Is(errs[0], ErrSignature) {
		t.Errorf("errors %v", errs)
	}
	m.Given = nil
	load(t, s, m)
	if got := s.Tenant("a").current.Load().code.elf; string(got) != string(elf) {
		t.Error("an unsigned program runs on")
	}
	if _, err := rollbackTenant(s, "a", 0); !errors.Is(err, ErrSignature) {
		t.Errorf("back to the unsigned one: %v", err)
	}
	signed, err := updateTenant(s, "a", other, UpdateOptions{Signature: Sign(private, "a", other)})
	if err != nil {
		t.Fatal(err)
	}
	load(t, s, withGiven(s, m))
	if list := s.Versions("a"); list[0].Number != signed.Number || !list[0].Current {
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
		if _, err := rollbackTenant(s, "a", 0); err != nil {
			t.Fatal(i, err)
		}
	}
	if _, err := rollbackTenant(s, "a", 0); !errors.Is(err, ErrRate) {
		t.Errorf("the next one: %v", err)
	}
}

// What a second allows may come in one moment.
func TestUpdatesComeInBursts(t *testing.T) {
	now := time.Unix(1e9, 0)
	for _, row := range []struct {
		rate float64
		want int
	}{{1e-9, updateBurst}, {1, updateBurst}, {4.5, 5}, {1000, 1000}} {
		var b bucket
		n := 0
		for n < 2000 && b.allow(model.UpdateLimit{Rate: row.rate}, now) {
			n++
		}
		if n != row.want {
			t.Errorf("%v/s: %d at once, want %d", row.rate, n, row.want)
		}
	}
}
