package bans

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func must(t testing.TB, text string) *Expression {
	t.Helper()
	e, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// shelf is a store of a test.
type shelf struct {
	things []*thing
	at     int
}

func (s *shelf) Visit(n int, test func(Object) (Verdict, uint32)) bool {
	for ; n > 0 && s.at < len(s.things); n-- {
		o := s.things[s.at]
		verdict, number := test(o)
		s.done(o, verdict, number)
		if verdict != Remove {
			s.at++
		}
	}
	if s.at < len(s.things) {
		return false
	}
	s.at = 0
	return true
}

// done does what a verdict says.
func (s *shelf) done(o *thing, v Verdict, number uint32) {
	switch v {
	case Remove:
		for i := range s.things {
			if s.things[i] == o {
				s.things = append(s.things[:i], s.things[i+1:]...)
				if i < s.at {
					s.at--
				}
				return
			}
		}
		return
	case Expire:
		o.numbers[Expires] = 0
	}
	o.numbers[Passed] = max(o.numbers[Passed], int64(number))
}

func TestListFull(t *testing.T) {
	l, now := New(2), time.Unix(100, 0)
	for i := range 2 {
		if n, err := l.Add(must(t, fmt.Sprintf("obj.status == %d", i)), false, now); err != nil || n != uint32(i+1) {
			t.Fatal(n, err)
		}
	}
	_, err := l.Add(must(t, "true"), false, now.Add(5*time.Second))
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "2 bans wait until all objects are tested, the oldest for 5s") {
		t.Error(err)
	}
	if s := l.Stats(now.Add(time.Hour)); s.Refused != 1 || s.Bans != 2 || s.Oldest != time.Hour || !s.Overdue {
		t.Errorf("%+v", s)
	}
	// An equal ban takes the place of the older one.
	if n, err := l.Add(must(t, "(obj.status==0)"), false, now); err != nil || n != 3 {
		t.Error(n, err)
	}
	if s := l.Stats(now); s.Merged != 1 || s.Bans != 2 || s.Overdue {
		t.Errorf("%+v", s)
	}
}

// TestMergeOnlyWhatIsCovered keeps bans whose truth depends on when they were added.
func TestMergeOnlyWhatIsCovered(t *testing.T) {
	l := New(0)
	for i, text := range []string{"obj.age < 60s", "true", "obj.age < 60s", "true"} {
		if _, err := l.Add(must(t, text), i == 3, time.Unix(int64(i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(l.Bans()); n != 4 {
		t.Errorf("%d bans", n)
	}
}

func TestVerdicts(t *testing.T) {
	l, o, now := New(0), sample(), time.Unix(1120, 0)
	ask := func(want Verdict, number int64) {
		t.Helper()
		v, n := l.Test(o)
		if v != want || int64(n) != number {
			t.Errorf("verdict %d, number %d; want %d, %d", v, n, want, number)
		}
		(&shelf{}).done(o, v, n)
	}
	ask(Keep, 0)
	_, _ = l.Add(must(t, `obj.tag("nothing")`), false, now)
	ask(Keep, 1)
	if !l.Passed(1) {
		t.Error("not passed")
	}
	_, _ = l.Add(must(t, `obj.tag("cart")`), true, now)
	ask(Expire, 2)
	ask(Keep, 2) // a soft ban counts once
	_, _ = l.Add(must(t, `obj.tag("cart")`), true, now)
	_, _ = l.Add(must(t, `obj.age > 60s`), false, now)
	_, _ = l.Add(must(t, `obj.tag("cart") && obj.status == 404`), true, now)
	ask(Remove, 2)
	// Age is that of the moment when the ban came.
	young := sample()
	young.numbers[Born] = 1100e9
	if v, _ := l.Test(young); v != Expire {
		t.Errorf("verdict %d", v)
	}
}

// TestHoldKeepsBans shows the object that comes into the store behind the
// lurker's back.
func TestHoldKeepsBans(t *testing.T) {
	l, s, now := New(0), &shelf{}, time.Unix(0, 0)
	hold := l.Hold()
	_, _ = l.Add(must(t, "true"), false, now)
	for range 3 {
		l.Lurk(s, 100)
	}
	if n := len(l.Bans()); n != 1 {
		t.Fatalf("%d bans while an older object is held", n)
	}
	o := sample()
	o.numbers[Passed] = int64(hold.Number())
	s.things = append(s.things, o)
	hold.Release()
	if v, _ := l.Test(o); v != Remove {
		t.Errorf("verdict %d", v)
	}
	l.Lurk(s, 100)
	if len(l.Bans()) != 0 || len(s.things) != 0 || l.Stats(now).Dropped != 1 {
		t.Errorf("%d bans, %d things", len(l.Bans()), len(s.things))
	}
	if l.Lurk(s, 100) != 0 {
		t.Error("the lurker works without bans")
	}
	// Who still holds the removed object must not be served from it.
	if v, _ := l.Test(o); v != Remove {
		t.Errorf("verdict %d of a removed object", v)
	}
	if l.Hold().Number() != 1 {
		t.Errorf("a new object begins at %d", l.Hold().Number())
	}
}

func TestLurkIsBounded(t *testing.T) {
	l, s := New(0), &shelf{}
	for range 1000 {
		s.things = append(s.things, sample())
	}
	for i := range 10 {
		_, _ = l.Add(must(t, fmt.Sprintf("obj.status == %d", i)), false, time.Unix(0, 0))
	}
	total := 0
	for len(l.Bans()) > 0 {
		steps := l.Lurk(s, 100)
		if steps == 0 || steps > 100+batch*11 {
			t.Fatalf("%d steps", steps)
		}
		total += steps
	}
	if total != 11000 {
		t.Errorf("%d steps in all", total)
	}
}

// TestRandomHistory compares with a model that applies every ban at once: what
// the list lets pass, at a lookup or by the lurker, is what the model keeps.
func TestRandomHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, s := New(1<<20), &shelf{}
		type made struct {
			o    *thing
			hold Hold
		}
		var making []made
		removed, expired := map[*thing]bool{}, map[*thing]bool{}
		all := []*thing{}
		for now := int64(10); now < 60; now++ {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0: // a fetch begins
				making = append(making, made{drawThing(t), l.Hold()})
				all = append(all, making[len(making)-1].o)
			case 1: // a fetch ends
				if n := len(making); n > 0 {
					i := rapid.IntRange(0, n-1).Draw(t, "which")
					m := making[i]
					making = append(making[:i], making[i+1:]...)
					m.o.numbers[Passed] = int64(m.hold.Number())
					s.things = append(s.things, m.o)
					m.hold.Release()
				}
			case 2: // a ban
				p, soft := drawPlan(t, 1), rapid.Bool().Draw(t, "soft")
				// The model's objects do not change their freshness.
				if strings.Contains(p.text, "ttl") {
					continue
				}
				if _, err := l.Add(must2(t, p.text), soft, time.Unix(now, 0)); err != nil {
					t.Fatal(err)
				}
				for _, o := range all {
					if p.eval(o, now*1e9) {
						removed[o] = removed[o] || !soft
						expired[o] = expired[o] || soft
					}
				}
			case 3:
				l.Lurk(s, rapid.IntRange(1, 10).Draw(t, "budget"))
			case 4: // a lookup
				if len(s.things) == 0 {
					continue
				}
				o := rapid.SampledFrom(s.things).Draw(t, "object")
				v, n := l.Test(o)
				s.done(o, v, n)
				if (v == Remove) != removed[o] || v != Remove && (o.numbers[Expires] == 0) != expired[o] {
					t.Fatalf("verdict %d; removed %v, expired %v", v, removed[o], expired[o])
				}
			}
		}
		for _, m := range making {
			m.hold.Release()
		}
		for range 10000 {
			if l.Lurk(s, 10) == 0 {
				break
			}
		}
		if n := len(l.Bans()); n != 0 {
			t.Fatalf("%d bans stay", n)
		}
		for _, o := range s.things {
			if removed[o] || expired[o] != (o.numbers[Expires] == 0) {
				t.Fatal("the lurker left something wrong")
			}
		}
	})
}

func must2(t *rapid.T, text string) *Expression {
	e, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestManyAtOnce is for the race detector.
func TestManyAtOnce(t *testing.T) {
	l := New(0)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for k := range 200 {
				h := l.Hold()
				o := sample()
				o.numbers[Passed] = int64(h.Number())
				if i == 0 {
					_, _ = l.Add(must(t, fmt.Sprintf("obj.status == %d", k)), k%2 == 0, time.Unix(0, 0))
				}
				l.Test(o)
				l.Stats(time.Unix(0, 0))
				h.Release()
			}
		})
	}
	group.Go(func() {
		for range 200 {
			l.Lurk(&shelf{}, 10)
		}
	})
	group.Wait()
	for l.Lurk(&shelf{}, 10) > 0 {
	}
	if len(l.Bans()) != 0 {
		t.Error("bans stay though nothing is held")
	}
}

func TestSaved(t *testing.T) {
	l, now := New(0), time.Unix(1000, 5)
	for i, text := range []string{"true", `obj.header("a") == "\"\\\n ü"`, "obj.age > 60s || false", strings.Repeat("true&&", 120) + "true"} {
		if _, err := l.Add(must(t, text).Within("x y"), i%2 == 1, now); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			l.Lurk(&shelf{}, 10)
		}
	}
	state := l.AppendState(nil)
	again := New(0)
	if err := again.Restore(state); err != nil {
		t.Fatal(err)
	}
	if got := again.AppendState(nil); string(got) != string(state) {
		t.Errorf("restored\n%s\nof\n%s", got, state)
	}
	if again.Newest() != 4 || len(again.Bans()) != 3 || again.Hold().Number() != 4 {
		t.Errorf("newest %d, bans %d", again.Newest(), len(again.Bans()))
	}
	if err := again.Restore(state); err == nil {
		t.Error("restored twice")
	}
	for cut := range len(state) - 1 {
		if err := New(0).Restore(state[:cut]); err == nil {
			t.Fatalf("a text of %d of %d bytes is restored", cut, len(state))
		}
	}
	lost := New(0)
	lost.Resume(57)
	if n, err := lost.Add(must(t, "true"), false, now); n != 58 || err != nil {
		t.Error(n, err)
	}
	lost.Resume(math.MaxUint32)
	if _, err := lost.Add(must(t, "true"), false, now); err == nil {
		t.Error("numbers begin anew")
	}
}

func TestRestoreRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "version": "fishplate bans 2\nnewest 0\npassed 0\nend 0\n",
		"order":  stateHead + "newest 2\npassed 0\nban 1 hard 0 \"true\"\nban 2 hard 0 \"true\"\nend 2\n",
		"above":  stateHead + "newest 2\npassed 0\nban 3 hard 0 \"true\"\nend 1\n",
		"below":  stateHead + "newest 2\npassed 2\nban 2 hard 0 \"true\"\nend 1\n",
		"passed": stateHead + "newest 2\npassed 3\nend 0\n",
		"kind":   stateHead + "newest 2\npassed 0\nban 2 firm 0 \"true\"\nend 1\n",
		"text":   stateHead + "newest 2\npassed 0\nban 2 hard 0 \"tru\"\nend 1\n",
		"count":  stateHead + "newest 2\npassed 0\nend 1\n",
	} {
		if err := New(0).Restore([]byte(text)); err == nil {
			t.Errorf("%s is restored", name)
		}
	}
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte(stateHead + "newest 2\npassed 0\nban 2 hard 0 \"true\"\nend 1\n"))
	f.Fuzz(func(t *testing.T, state []byte) {
		l := New(0)
		if l.Restore(state) != nil {
			return
		}
		again := New(0)
		if err := again.Restore(l.AppendState(nil)); err != nil {
			t.Fatal(err)
		}
	})
}
