package tenant

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"fishplate/internal/model"
)

// bag keeps programs as package shelf does in memory.
type bag struct {
	mu   sync.Mutex
	elfs map[string][]byte
}

func (b *bag) keep(sum string, elf []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.elfs[sum] = elf
}

func (b *bag) kept(sum string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if elf, ok := b.elfs[sum]; ok {
		return elf, nil
	}
	return nil, fmt.Errorf("program %.8s is not kept", sum)
}

// bagOf returns where the test's Set finds what tenants are given.
func bagOf(s *Set) *bag {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.o.Kept == nil {
		b := &bag{elfs: map[string][]byte{}}
		s.o.Kept = b.kept
		testBags.Store(s, b)
	}
	b, _ := testBags.Load(s)
	return b.(*bag)
}

var testBags sync.Map // of the Sets of tests

// updateTenant does what the process does: it looks at a program, names it in the
// tenant's model, and prepares and commits that.
func updateTenant(s *Set, name string, elf []byte, o UpdateOptions) (Version, error) {
	offer, err := s.Offer(name, elf, o)
	if err != nil {
		return Version{}, err
	}
	return giveOffer(s, offer)
}

func rollbackTenant(s *Set, name string, number int) (Version, error) {
	bagOf(s)
	offer, err := s.OfferBack(name, number, UpdateOptions{})
	if err != nil {
		return Version{}, err
	}
	return giveOffer(s, offer)
}

func giveOffer(s *Set, offer *Offer) (Version, error) {
	b := bagOf(s)
	if before, elf := s.Expect(offer); before != nil {
		b.keep(before.SHA256, elf)
	}
	b.keep(offer.SHA256, offer.ELF())
	u, errs := s.Prepare(context.Background(), givenModels(s, offer.Tenant, offer.Given("")))
	if errs != nil {
		return Version{}, errs[0]
	}
	u.Commit()
	v, _ := s.Given(offer.Tenant)
	v.Current = true
	return v, nil
}

// givenModels are the models of all tenants as they run, one with another program.
func givenModels(s *Set, name string, g *model.Given) (list []*model.Tenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, t := range s.tenants {
		m := *t.model
		m.Given = nil
		if h := s.histories[n]; h != nil && h.given != "" {
			m.Given = &model.Given{SHA256: h.given, Version: h.current().Number, Signature: h.current().signature}
		}
		if n == name {
			m.Given = g
		}
		list = append(list, &m)
	}
	return list
}

// withGiven is a model with what its tenant was given.
func withGiven(s *Set, m *model.Tenant) *model.Tenant {
	c := *m
	for _, x := range givenModels(s, "", nil) {
		if x.Name == m.Name {
			c.Given = x.Given
		}
	}
	return &c
}

// TestVersionsOutliveTheProcess: another Set that is told of them gives them back.
func TestVersionsOutliveTheProcess(t *testing.T) {
	files := map[string][]byte{"a": program(t, "hello")}
	s := filesSet(files)
	defer s.Close()
	load(t, s, named("a", false))
	give(t, s, "a", guest(t, "store_sum"))
	give(t, s, "a", program(t, "loop"))
	next := filesSet(files)
	defer next.Close()
	next.o.Kept = s.o.Kept
	testBags.Store(next, bagOf(s))
	var known []Known
	for _, v := range s.histories["a"].list {
		known = append(known, Known{v.Version, v.sha256, v.signature})
	}
	next.Remember("a", known)
	load(t, next, withGiven(s, named("a", false)))
	list := next.Versions("a")
	if len(list) != 3 || !list[0].Current || list[0].Number != 3 || list[0].Author != "me" {
		t.Fatalf("%+v", list)
	}
	if v, err := rollbackTenant(next, "a", 0); err != nil || v.Number != 4 || v.Hash != list[1].Hash {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := rollbackTenant(next, "a", 1); err != nil || v.Number != 5 || v.Hash != list[2].Hash {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestOthersAreNotReadAgain: a change of one tenant looks at no file of another.
func TestOthersAreNotReadAgain(t *testing.T) {
	files := map[string][]byte{"a": program(t, "hello"), "b": program(t, "hello")}
	s := filesSet(files)
	defer s.Close()
	a, b := named("a", false), named("b", false)
	load(t, s, a, b)
	delete(files, "b")
	changed := *a
	changed.Instructions++
	was := s.Tenant("b")
	u, errs := s.PrepareOthers(context.Background(), []*model.Tenant{&changed, b})
	if errs != nil {
		t.Fatal(errs)
	}
	u.Commit()
	if s.Tenant("b") != was || s.Tenant("a").Model() != &changed {
		t.Error("the wrong one was changed")
	}
	if _, errs := s.Prepare(context.Background(), []*model.Tenant{&changed, b}); len(errs) != 1 {
		t.Errorf("a file that is gone: %v", errs)
	}
}

// TestGivenProgramsThatAreGone: what cannot be had refuses the change, and what
// runs goes on.
func TestGivenProgramsThatAreGone(t *testing.T) {
	for _, fromFile := range []bool{false, true} {
		s := filesSet(map[string][]byte{"a": program(t, "hello")})
		load(t, s, named("a", fromFile))
		m := named("a", fromFile)
		m.Given = &model.Given{SHA256: fmt.Sprintf("%064d", 7), Version: 2}
		if u, errs := s.Prepare(context.Background(), []*model.Tenant{m}); u != nil || len(errs) != 1 {
			t.Errorf("from file %t: %v", fromFile, errs)
		}
		if _, f := recv(t, s.Tenant("a"), request("/"), ""); f != nil {
			t.Error(f)
		}
		s.Close()
	}
}

// TestGivenProgramThatStartsNoMore: at the start of a process a program by the API
// that is whole and does not start keeps its tenant from serving, and nobody else;
// later, and for the programs of files, it refuses.
func TestGivenProgramThatStartsNoMore(t *testing.T) {
	s := filesSet(map[string][]byte{"a": program(t, "hello"), "b": program(t, "hello")})
	defer s.Close()
	a, b := named("a", false), named("b", false)
	a.Given = &model.Given{SHA256: fmt.Sprintf("%064d", 7), Version: 2}
	bagOf(s).keep(a.Given.SHA256, []byte("whole, and no program"))
	models := []*model.Tenant{a, b}
	if _, errs := s.Prepare(context.Background(), models); len(errs) != 1 {
		t.Errorf("a change to it: %v", errs)
	}
	u, errs := s.PrepareFirst(context.Background(), models)
	if errs != nil || len(u.Warnings()) != 1 {
		t.Fatalf("a start with it: %v", errs)
	}
	u.Commit()
	if at := s.Tenant("a"); at.trouble == nil || at.current.Load() != nil {
		t.Error("its tenant says no error")
	}
	if at := s.Tenant("b"); at.trouble != nil || at.current.Load() == nil {
		t.Error("another tenant does not run:", at.trouble)
	}
	// What its tenant is given next runs.
	next := *a
	next.Given = nil
	load(t, s, &next, b)
	if at := s.Tenant("a"); at.trouble != nil || at.current.Load() == nil {
		t.Error("with another program:", at.trouble)
	}
	missing := named("c", false)
	if _, errs := s.PrepareFirst(context.Background(), []*model.Tenant{missing}); len(errs) != 1 {
		t.Errorf("a start with a file's program that is not there: %v", errs)
	}
}
