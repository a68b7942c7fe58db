package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"fishplate/internal/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a Builder whose parts are names: one that ends with "!" fails.
type fake struct {
	mu     sync.Mutex
	parts  []string
	trace  []string
	inside atomic.Int32
	most   atomic.Int32
	drain  func(ctx context.Context) error
	hook   func(ctx context.Context, t *Transaction) error
}

// build gives it other parts, while timers may be about to prepare.
func (f *fake) build(parts ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.parts = parts
}

func (f *fake) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.parts
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trace = append(f.trace, fmt.Sprintf(format, args...))
}

func (f *fake) Prepare(ctx context.Context, t *Transaction) error {
	f.most.Store(max(f.most.Load(), f.inside.Add(1)))
	defer f.inside.Add(-1)
	for _, part := range f.names() {
		if strings.HasSuffix(part, "!") {
			return errors.New("prepare " + part)
		}
		f.note("prepare %s", part)
		t.OnAbort(func() { f.note("abort %s", part) })
		t.OnCommit(func() { f.note("commit %s", part) })
	}
	if f.drain != nil {
		t.OnDrain("connections", f.drain)
	}
	if f.hook != nil {
		return f.hook(ctx, t)
	}
	return nil
}

// texts is a Load function over names: each text is a list of virtual hosts,
// and "!" is an error.
func load(_ context.Context, text string) (*model.Config, []Problem, []Problem) {
	cfg := &model.Config{}
	for _, name := range strings.Fields(text) {
		if name == "!" {
			return nil, []Problem{
				{File: "f.hcl", Line: 3, Column: 7, Summary: "unknown attribute", Suggestion: `did you mean "bind"?`},
				{File: "f.hcl", Line: 9, Column: 1, Summary: "unknown block"},
			}, nil
		}
		cfg.VHosts = append(cfg.VHosts, &model.VHost{Name: name})
	}
	return cfg, nil, nil
}

func diff(old, next *model.Config) (list []Change) {
	have := map[string]bool{}
	for _, v := range old.VHosts {
		have[v.Name] = true
	}
	for _, v := range next.VHosts {
		if !have[v.Name] {
			list = append(list, Change{Kind: "vhost", Key: v.Name, Action: "add"})
		}
		delete(have, v.Name)
	}
	for _, v := range old.VHosts {
		if have[v.Name] {
			list = append(list, Change{Kind: "vhost", Key: v.Name, Action: "remove"})
		}
	}
	return list
}

func start(t *testing.T, f *fake, text string) *Controller {
	t.Helper()
	c := New(Options{Load: load, Diff: diff, Builder: f, Census: func() func(kind, key string) Numbers {
		return func(kind, key string) Numbers { return Numbers{Connections: int64(len(key))} }
	}})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		c.Close(ctx)
	})
	if err := c.Start(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.trace = nil
	f.mu.Unlock()
	return c
}

// TestUnmet: what does not hold at once, although the change is committed, stands in
// its answer and in the history.
func TestUnmet(t *testing.T) {
	unmet := Problem{File: "f.hcl", Line: 3, Column: 7, Summary: `listener "web" does not listen at :80 yet`}
	f := &fake{hook: func(_ context.Context, t *Transaction) error {
		t.Warn(Problem{Summary: "known before"})
		t.OnCommit(func() { t.Warn(unmet) })
		return nil
	}}
	c := start(t, f, "a")
	r := c.Apply(t.Context(), "b", ApplyOptions{})
	if d := cmp.Diff([]Problem{{Summary: "known before"}, unmet}, r.Warnings); d != "" || !r.Committed || len(r.Errors) > 0 {
		t.Errorf("%+v %s", r, d)
	}
	h := c.History()
	if d := cmp.Diff([]Problem{unmet}, h[0].Unmet); d != "" {
		t.Error(d)
	}
}

func TestApplyCommits(t *testing.T) {
	f := &fake{parts: []string{"listeners", "backends", "router"}}
	c := start(t, f, "a b")
	r := c.Apply(t.Context(), "b cc", ApplyOptions{Author: "uid 7", Comment: "why"})
	want := Result{Committed: true, Plan: Plan{Generation: 2, Errors: []Problem{}, Changes: []Change{
		{Kind: "vhost", Key: "cc", Action: "add", Fields: []Field{}, Impact: Impact{Text: effectText("vhost", "add")}},
		{Kind: "vhost", Key: "a", Action: "remove", Fields: []Field{}, Impact: Impact{Stays: Stays{Connections: 1}, Text: effectText("vhost", "remove")}},
	}}}
	if d := cmp.Diff(want, r, cmpopts.IgnoreFields(Result{}, "Seconds")); d != "" {
		t.Error(d)
	}
	wantTrace := []string{
		"prepare listeners", "prepare backends", "prepare router",
		"commit listeners", "commit backends", "commit router",
	}
	if d := cmp.Diff(wantTrace, f.trace); d != "" {
		t.Error(d)
	}
	if c.Generation() != 2 || len(c.Running().VHosts) != 2 || c.Running().VHosts[1].Name != "cc" {
		t.Errorf("runs generation %d: %v", c.Generation(), c.Running().VHosts)
	}
	h := c.History()
	if len(h) != 2 || h[0].ID != 2 || h[0].Author != "uid 7" || h[0].Comment != "why" || h[0].State != "committed" || h[0].Source != "file" || h[1].Author != "start" {
		t.Errorf("history: %+v", h)
	}
}

// TestPrepareIsUndoneInReverse lets every part fail in turn.
func TestPrepareIsUndoneInReverse(t *testing.T) {
	f := &fake{}
	c := start(t, f, "a")
	for n := range 4 {
		f.trace = nil
		f.parts = []string{"1", "2", "3", "4"}[:n:n]
		f.parts = append(f.parts, "5!", "6")
		r := c.Apply(t.Context(), "a b", ApplyOptions{})
		if r.Committed || len(r.Errors) != 1 || r.Errors[0].Summary != "prepare 5!" || r.Generation != 1 {
			t.Fatalf("result: %+v", r)
		}
		var want []string
		for i := range n {
			want = append(want, fmt.Sprint("prepare ", i+1))
		}
		for i := n; i > 0; i-- {
			want = append(want, fmt.Sprint("abort ", i))
		}
		if d := cmp.Diff(want, f.trace, cmpopts.EquateEmpty()); d != "" {
			t.Error(d)
		}
	}
	if c.Generation() != 1 || len(c.History()) != 1 {
		t.Errorf("generation %d, %d commits", c.Generation(), len(c.History()))
	}
}

func TestInvalidKeepsTheOldOne(t *testing.T) {
	f := &fake{parts: []string{"x"}}
	c := start(t, f, "a")
	for name, r := range map[string]Result{
		"apply": c.Apply(t.Context(), "a !", ApplyOptions{}),
		"plan":  {Plan: c.Plan(t.Context(), "a !")},
	} {
		if len(r.Errors) != 2 || r.Generation != 1 || r.Committed {
			t.Errorf("%s: %+v", name, r)
		}
	}
	r := c.Apply(t.Context(), "!", ApplyOptions{})
	want := "f.hcl:3:7: unknown attribute (did you mean \"bind\"?)\nf.hcl:9:1: unknown block"
	if got := r.Err().Error(); got != want {
		t.Errorf("error:\n%s\nwant:\n%s", got, want)
	}
	if len(f.trace) != 0 {
		t.Errorf("something was prepared: %v", f.trace)
	}
}

func TestNothingToDo(t *testing.T) {
	f := &fake{parts: []string{"x"}}
	c := start(t, f, "a")
	if r := c.Apply(t.Context(), "a", ApplyOptions{}); r.Committed || r.Err() != nil || len(f.trace) != 0 {
		t.Errorf("apply of the same: %+v, %v", r, f.trace)
	}
	if r := c.Reload(t.Context(), ApplyOptions{}); !r.Committed || r.Generation != 2 {
		t.Errorf("reload of the same: %+v", r)
	}
}

// TestOneAtATime runs many transactions at once.
func TestOneAtATime(t *testing.T) {
	f := &fake{parts: []string{"x"}}
	c := start(t, f, "a")
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			if r := c.Apply(t.Context(), fmt.Sprint("host", i), ApplyOptions{}); !r.Committed {
				t.Errorf("refused: %v", r.Errors)
			}
		})
	}
	wg.Wait()
	if f.most.Load() != 1 {
		t.Errorf("%d transactions were inside Prepare at once", f.most.Load())
	}
	if c.Generation() != 33 {
		t.Errorf("generation %d", c.Generation())
	}
	for i, e := range c.History() {
		if e.ID != uint64(33-i) {
			t.Fatalf("entry %d has id %d", i, e.ID)
		}
	}
}

func TestWaitIsBounded(t *testing.T) {
	enter, leave := make(chan struct{}), make(chan struct{})
	f := &fake{}
	c := start(t, f, "a")
	f.hook = func(context.Context, *Transaction) error { close(enter); <-leave; return nil }
	done := make(chan Result)
	go func() { done <- c.Apply(context.Background(), "b", ApplyOptions{}) }()
	<-enter
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := c.Apply(ctx, "c", ApplyOptions{}); r.Committed || !strings.Contains(r.Err().Error(), "another change is being prepared since ") {
		t.Errorf("second: %+v", r)
	}
	close(leave)
	if r := <-done; !r.Committed {
		t.Errorf("first: %+v", r)
	}
}

// TestCallerLeft cancels the call during its preparation: no commit.
func TestCallerLeft(t *testing.T) {
	f := &fake{parts: []string{"x"}}
	c := start(t, f, "a")
	ctx, cancel := context.WithCancel(t.Context())
	f.hook = func(context.Context, *Transaction) error { cancel(); return nil }
	if r := c.Apply(ctx, "b", ApplyOptions{}); r.Committed || r.Generation != 1 {
		t.Errorf("result: %+v", r)
	}
	if d := cmp.Diff([]string{"prepare x", "abort x"}, f.trace); d != "" {
		t.Error(d)
	}
}

// TestTransactionInsideTransaction would wait for itself if it were allowed.
func TestTransactionInsideTransaction(t *testing.T) {
	f := &fake{}
	c := start(t, f, "a")
	f.hook = func(ctx context.Context, _ *Transaction) error {
		r := c.Apply(ctx, "c", ApplyOptions{})
		return r.Err()
	}
	r := c.Apply(t.Context(), "b", ApplyOptions{})
	if r.Committed || !strings.Contains(r.Err().Error(), "cannot begin another") {
		t.Errorf("result: %+v", r)
	}
}

func TestBuilderWarnsAndRefusesWithPlaces(t *testing.T) {
	f := &fake{}
	c := start(t, f, "a")
	f.hook = func(_ context.Context, t *Transaction) error {
		t.Warn(Problem{Summary: "tenant slow", Detail: "kept its old program"})
		return errors.Join(errors.New("one"), Refusal{{File: "x", Line: 1, Column: 2, Summary: "two"}})
	}
	r := c.Apply(t.Context(), "b", ApplyOptions{})
	want := []Problem{{Summary: "one"}, {File: "x", Line: 1, Column: 2, Summary: "two"}}
	if d := cmp.Diff(want, r.Errors); d != "" {
		t.Error(d)
	}
	if len(r.Warnings) != 1 || r.Warnings[0].String() != "tenant slow: kept its old program" {
		t.Errorf("warnings: %v", r.Warnings)
	}
}

func TestDrainRunsInBackground(t *testing.T) {
	release := make(chan struct{})
	f := &fake{drain: func(ctx context.Context) error {
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	c := start(t, f, "a")
	c.Apply(t.Context(), "b", ApplyOptions{})
	want := []Draining{{0, "connections"}, {1, "connections"}}
	if d := cmp.Diff(want, c.Draining()); d != "" {
		t.Error(d)
	}
	close(release)
	c.Close(t.Context())
	if d := c.Draining(); len(d) != 0 {
		t.Errorf("still draining: %v", d)
	}
	if r := c.Apply(t.Context(), "c", ApplyOptions{}); r.Committed {
		t.Error("a commit after Close")
	}
}

// TestCloseEndsStuckDrains gives no time: drains are told to stop and awaited.
func TestCloseEndsStuckDrains(t *testing.T) {
	f := &fake{drain: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	c := start(t, f, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.Close(ctx)
	if d := c.Draining(); len(d) != 0 {
		t.Errorf("still draining: %v", d)
	}
}

func TestSettledCounts(t *testing.T) {
	f := &fake{}
	var settled []string
	c := New(Options{Load: load, Diff: diff, Builder: f, Settled: func(g uint64, ok bool) {
		settled = append(settled, fmt.Sprint(g, ok))
	}})
	defer c.Close(t.Context())
	if r := c.Reload(t.Context(), ApplyOptions{}); r.Err() == nil {
		t.Error("reload before start")
	}
	_ = c.Start(t.Context(), "!")
	_ = c.Start(t.Context(), "a")
	c.Apply(t.Context(), "a", ApplyOptions{})
	if d := cmp.Diff([]string{"0 false", "0 false", "1 true"}, settled); d != "" {
		t.Error(d)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	c := start(t, &fake{}, "a")
	for range historyLength + 5 {
		c.Reload(t.Context(), ApplyOptions{})
	}
	newest := func(id uint64) {
		t.Helper()
		if h := c.History(); len(h) != historyLength || h[0].ID != id {
			t.Errorf("%d entries, newest %d", len(h), h[0].ID)
		}
	}
	newest(historyLength + 6)
	if err := c.know(Legacy{Entry: Entry{ID: historyLength + 7}}); err != nil { // which the process before could not write
		t.Fatal(err)
	}
	c.Reload(t.Context(), ApplyOptions{})
	newest(historyLength + 8)
}

func effectText(kind, action string) string {
	text, _ := effect(kind, action)
	return text
}

// TestCallerOfPlanLeft: what is read for somebody ends when that one has gone, and
// others may change something.
func TestCallerOfPlanLeft(t *testing.T) {
	slow := false
	c := New(Options{Diff: diff, Builder: &fake{}, Load: func(ctx context.Context, path string) (*model.Config, []Problem, []Problem) {
		if slow {
			<-ctx.Done()
			return nil, []Problem{{Summary: context.Cause(ctx).Error()}}, nil
		}
		return load(ctx, path)
	}})
	defer c.Close(context.Background())
	if err := c.Start(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	slow = true
	for name, ask := range map[string]func(context.Context) []Problem{
		"plan":    func(ctx context.Context) []Problem { return c.Plan(ctx, "b").Errors },
		"apply":   func(ctx context.Context) []Problem { return c.Apply(ctx, "b", ApplyOptions{}).Errors },
		"compare": func(ctx context.Context) []Problem { return c.Compare(ctx, "running", "b").Errors },
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("gone"))
		if errs := ask(ctx); len(errs) != 1 || !strings.Contains(errs[0].Summary, "gone") {
			t.Errorf("%s: %v", name, errs)
		}
	}
	slow = false
	if r := c.Apply(t.Context(), "b", ApplyOptions{}); !r.Committed {
		t.Errorf("%+v", r)
	}
}
