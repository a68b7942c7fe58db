package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"fishplate/internal/control"
)

// TestWhatNobodyMeant: questions that cannot be what their author wanted change nothing.
func TestWhatNobodyMeant(t *testing.T) {
	f := &fake{result: control.Result{Committed: true}}
	_, c, _ := open(t, Options{Control: f})
	for name, q := range map[string]ChangeRequest{
		"no path":        {Comment: "why"},
		"a long comment": {Path: "/a", Comment: strings.Repeat("c", maxComment+1)},
		"long terms":     {Path: "/a", Canary: "10%", For: "1s", Until: strings.Repeat("errors < 1% && ", 1000) + "errors < 1%"},
		"no number":      {Path: "/a", Canary: "10%", For: "1s", Until: "errors < NaN%"},
		"a negative one": {Path: "/a", Canary: "10%", For: "1s", Until: "p99 < -1s"},
	} {
		r, err := c.Change(t.Context(), "apply", q)
		if _, refused := errors.AsType[*APIError](err); !refused && len(r.Errors) == 0 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if len(f.asked) != 0 {
		t.Errorf("asked for: %v", f.asked)
	}
}

// TestHarmlessComments: a comment cannot drive the terminal of who reads the history.
func TestHarmlessComments(t *testing.T) {
	r, err := http.NewRequest("POST", "/v1/apply", nil)
	if err != nil {
		t.Fatal(err)
	}
	q := ChangeRequest{Comment: "ü\x1b[2J\nline\u009b1m\u202ertl\x7f"}
	if o, err := q.options(r); err != nil || o.Comment != "ü\uFFFD[2J line\uFFFD1m\uFFFDrtl\uFFFD" {
		t.Errorf("%q, %v", o.Comment, err)
	}
}

// TestOneQuestion: a body is one question and nothing behind it.
func TestOneQuestion(t *testing.T) {
	for body, ok := range map[string]bool{`{"path":"/a"}`: true, "{\"path\":\"/a\"}\n": true, `{"path":"/a"}{"path":"/b"}`: false, `{"path":"/a"}x`: false} {
		r, err := http.NewRequest("POST", "/v1/apply", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := question(r, &ChangeRequest{}); (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestConditions: a condition that says nothing is no condition that anybody meant.
func TestConditions(t *testing.T) {
	for field, want := range map[string]uint64{`"7"`: 7, "7": 7, "*": 0, `""`: 400, "": 400, " ": 400, `"0"`: 400, "x": 400, "7,8": 400} {
		r, err := http.NewRequest("POST", "/v1/apply", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["If-Match"] = strings.Split(field, ",")
		o, err := new(ChangeRequest).options(r)
		if refused := errors.Is(err, ErrInvalid); refused != (want == 400) || !refused && o.Match != want || refused && !strings.Contains(err.Error(), "If-Match") {
			t.Errorf("If-Match: %s: %d, %v", field, o.Match, err)
		}
	}
}

// patient makes no change before whoever asks for it has left.
type patient struct {
	fake
	begun chan struct{}
	end   chan error
}

func (p *patient) wait(ctx context.Context) control.Result {
	p.begun <- struct{}{}
	<-ctx.Done()
	p.end <- context.Cause(ctx)
	return control.Result{}
}

func (p *patient) Apply(ctx context.Context, _ string, _ control.ApplyOptions) control.Result {
	return p.wait(ctx)
}

func (p *patient) Reload(ctx context.Context, _ control.ApplyOptions) control.Result {
	return p.wait(ctx)
}

func (p *patient) Rollback(ctx context.Context, _ uint64, _ control.ApplyOptions) control.Result {
	return p.wait(ctx)
}

func (p *patient) Revise(ctx context.Context, _ func([]byte) ([]byte, []control.Problem), _ control.ApplyOptions) control.Result {
	return p.wait(ctx)
}

// TestWhoLeavesChangesNothing: a change ends with the client that asks for it, while it
// waits for its turn as while it is prepared.
func TestWhoLeavesChangesNothing(t *testing.T) {
	p := &patient{begun: make(chan struct{}), end: make(chan error, 1)}
	_, c, _ := open(t, Options{Control: p})
	for _, what := range []string{"apply", "reload", "rollback", "edit"} {
		ctx, leave := context.WithCancel(t.Context())
		go func() { <-p.begun; leave() }()
		if _, err := c.Change(ctx, what, ChangeRequest{Path: "/a"}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
		if err := <-p.end; !errors.Is(err, context.Canceled) {
			t.Errorf("%s ends with %v", what, err)
		}
	}
}
