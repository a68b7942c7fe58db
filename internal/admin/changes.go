package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"fishplate/internal/config"
	"fishplate/internal/control"
	"fishplate/internal/letters"
)

// ChangeRequest asks for a transaction.
type ChangeRequest struct {
	Path    string `json:"path,omitempty"`
	Comment string `json:"comment,omitempty"`
	// Confirm is how long the change waits to be confirmed before it is undone, as
	// in the configuration: "60s"; "" is not.
	Confirm string `json:"confirm,omitempty"`
	// Canary is the share of the clients with which the change is tried, "10%", for
	// the time For, "5m"; it is committed if Until then holds. "" is at once for all.
	Canary string `json:"canary,omitempty"`
	For    string `json:"for,omitempty"`
	Until  string `json:"until,omitempty"`
	Force  bool   `json:"force,omitempty"` // a reload may undo a rollback
	ID     uint64 `json:"id,omitempty"`    // what a rollback goes back to; 0 is the commit before
	// Edit is one change of what runs.
	Edit *config.Edit `json:"edit,omitempty"`
	// Match is the generation that must run; the client sends it as If-Match. 0 is
	// any.
	Match uint64 `json:"-"`
}

// options makes of a request what every transaction is told. A caller names the
// generation that he saw in the field If-Match (RFC 9110 §13.1.1).
func (c *ChangeRequest) options(r *http.Request) (o control.ApplyOptions, err error) {
	if len(c.Comment) > maxComment || len(c.Until) > maxComment {
		return o, fmt.Errorf("%w: comment and until have %d bytes at most, not %d", ErrInvalid, maxComment, max(len(c.Comment), len(c.Until)))
	}
	o = control.ApplyOptions{Author: author(r), Comment: letters.Row(c.Comment), Force: c.Force, Wait: changeWait}
	if seen := r.Header.Values("If-Match"); len(seen) > 0 && strings.Join(seen, ",") != "*" {
		m := strings.Trim(strings.Join(seen, ","), `" `) // "" is a script's unset variable
		if o.Match, err = strconv.ParseUint(m, 10, 64); err != nil || o.Match == 0 {
			return o, fmt.Errorf("%w: If-Match is the number of a generation, not %q", ErrInvalid, m)
		}
	}
	if c.Confirm != "" {
		if o.Confirm, err = time.ParseDuration(c.Confirm); err != nil || o.Confirm <= 0 {
			return o, fmt.Errorf("%w: confirm is a time such as 60s, not %q", ErrInvalid, c.Confirm)
		}
	}
	o.Canary, err = c.canary()
	return o, err
}

func (c *ChangeRequest) canary() (*control.Canary, error) {
	if c.Canary == "" {
		return nil, nil
	}
	number, percent := strings.CutSuffix(c.Canary, "%")
	share, err := strconv.ParseFloat(number, 64)
	if err != nil || !percent || !(share > 0 && share < 100) {
		return nil, fmt.Errorf("%w: canary is a share of the clients such as 10%%, not %q", ErrInvalid, c.Canary)
	}
	d, err := time.ParseDuration(c.For)
	if err != nil || d <= 0 {
		return nil, fmt.Errorf("%w: for is a time such as 5m, not %q", ErrInvalid, c.For)
	}
	if c.Confirm != "" {
		return nil, fmt.Errorf("%w: a change is tried or waits to be confirmed, not both", ErrInvalid)
	}
	canary := &control.Canary{Share: share / 100, For: d, Until: c.Until}
	if err := canary.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return canary, nil
}

// transaction is the handler of what ends in a commit or a refusal. For a caller that
// leaves before the commit, while the change waits or is prepared, none is made.
func transaction(do func(c Control, ctx context.Context, q *ChangeRequest, o control.ApplyOptions) control.Result) func(*Server, http.ResponseWriter, *http.Request) error {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		var q ChangeRequest
		if err := question(r, &q); err != nil && !errors.Is(err, io.EOF) { // nothing is asked for in an empty body
			return err
		}
		o, err := q.options(r)
		if err != nil {
			return err
		}
		result := do(s.o.Control, r.Context(), &q, o)
		status := http.StatusOK
		switch {
		case len(result.Errors) > 0 && o.Match != 0 && result.Generation != o.Match:
			status = http.StatusPreconditionFailed
		case result.Busy:
			status = http.StatusConflict
		case len(result.Errors) > 0:
			status = http.StatusUnprocessableEntity
		}
		return answer(w, status, result)
	}
}

func apply(c Control, ctx context.Context, q *ChangeRequest, o control.ApplyOptions) control.Result {
	if q.Path == "" { // else it would be the folder that the process happens to stand in
		return control.Result{Plan: control.Plan{Errors: []control.Problem{{Summary: "apply: the body names no path"}}}}
	}
	return c.Apply(ctx, q.Path, o)
}

func reload(c Control, ctx context.Context, _ *ChangeRequest, o control.ApplyOptions) control.Result {
	return c.Reload(ctx, o)
}

func rollback(c Control, ctx context.Context, q *ChangeRequest, o control.ApplyOptions) control.Result {
	return c.Rollback(ctx, q.ID, o)
}

func edit(c Control, ctx context.Context, q *ChangeRequest, o control.ApplyOptions) control.Result {
	return c.Revise(ctx, func(text []byte) ([]byte, []control.Problem) {
		if q.Edit == nil {
			return nil, []control.Problem{{Summary: "edit: the body holds no edit"}}
		}
		text, err := config.Revise(text, *q.Edit)
		if err == nil {
			return text, nil
		}
		p := control.Problem{Summary: err.Error()}
		if e, ok := errors.AsType[*config.EditError](err); ok {
			p.Suggestion = e.Suggestion
		}
		return nil, []control.Problem{p}
	}, o)
}

// ConfirmResult names the change that stays.
type ConfirmResult struct {
	ID uint64 `json:"id"`
}

func (s *Server) confirm(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), changeWait)
	defer cancel()
	id, err := s.o.Control.Confirm(ctx)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, ConfirmResult{id})
}

type comparison struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (s *Server) compare(w http.ResponseWriter, r *http.Request) error {
	var c comparison
	if err := question(r, &c); err != nil {
		return err
	}
	return answer(w, http.StatusOK, s.o.Control.Compare(r.Context(), c.From, c.To))
}

// export answers with a configuration as one file.
func (s *Server) export(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseUint(r.URL.Query().Get("id"), 10, 64)
	if err != nil && r.URL.Query().Get("id") != "" {
		return fmt.Errorf("%w: id is the number of a change", ErrInvalid)
	}
	text, err := s.o.Control.Text(id)
	if errors.Is(err, control.ErrNone) {
		return fmt.Errorf("%w: change %d is not remembered", ErrInvalid, id)
	} else if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = w.Write(text)
	return err
}

// Change asks for a transaction at one of the paths below /v1: "apply",
// "reload", "rollback", "edit". A refusal is no error here: it is in the result.
func (c *Client) Change(ctx context.Context, what string, q ChangeRequest) (r control.Result, err error) {
	fields := http.Header{}
	if q.Match != 0 {
		fields.Set("If-Match", strconv.Quote(strconv.FormatUint(q.Match, 10)))
	}
	err = c.callWith(ctx, "POST", "/v1/"+what, q, fields, &r)
	if e, ok := errors.AsType[*APIError](err); ok && e.Status == http.StatusConflict && json.Unmarshal(e.body, &r) == nil && r.Busy {
		return r, nil
	}
	return r, err
}

// Export asks for a configuration as one file; 0 is the running one.
func (c *Client) Export(ctx context.Context, id uint64) ([]byte, error) {
	resp, err := c.do(ctx, "GET", fmt.Sprintf("/v1/export?id=%d", id), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read answer of /v1/export: %w", err)
	}
	return text, nil
}

// Confirm makes the pending change stay.
func (c *Client) Confirm(ctx context.Context) (r ConfirmResult, err error) {
	return r, c.call(ctx, "POST", "/v1/confirm", struct{}{}, &r)
}

// Compare lists what differs from one configuration to another: each is
// "running", the number of a change, or the path of a file.
func (c *Client) Compare(ctx context.Context, from, to string) (p control.Plan, err error) {
	return p, c.call(ctx, "POST", "/v1/diff", comparison{from, to}, &p)
}
