package tenant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/model"
)

// warmUp asks a program what its tenant wants it to answer before it serves. It
// runs as a candidate does, within the tenant's limits, and nothing that it does
// has an effect: its machines, counters and lines are its own and end here.
func (s *Set) warmUp(ctx context.Context, t *model.Tenant, c *code) error {
	if len(t.WarmUp) == 0 {
		return nil
	}
	quiet := *t
	quiet.Debug = model.Debug{}
	im, err := s.candidate(ctx, &quiet, &model.Shadow{Program: t.Program}, c.elf)
	if err != nil {
		return err
	}
	im.warms = true
	defer im.discard()
	alone := newTenant(im.tenant, im, im.stats)
	for _, line := range t.WarmUp {
		if err := alone.try(ctx, line); err != nil {
			return fmt.Errorf("warm up guest %q with %s: %w", t.Name, line, err)
		}
	}
	return nil
}

// try sends one request, as METHOD and target, through the program as far as it
// goes without a backend and the cache.
func (t *Tenant) try(ctx context.Context, line string) error {
	req, err := warmRequest(line, t.Name())
	if err != nil {
		return err
	}
	r, f := t.Admit(ctx)
	if f != nil {
		return causeOf(f)
	}
	defer r.Release()
	r.Outside(nobody{})
	resp := message.Response{Status: http.StatusOK}
	if err := causeOf(r.rehearse(ctx, req, &resp)); err != nil {
		return err
	}
	if resp.Status >= 500 {
		return fmt.Errorf("it answers %d", resp.Status)
	}
	return nil
}

// rehearse asks the program for the answer to a request, if it is the one to make
// it; else resp stays as it is.
func (r *Run) rehearse(ctx context.Context, req *message.Request, resp *message.Response) *message.Fault {
	d, f := r.OnRecv(ctx, req, "")
	if f != nil {
		return f
	}
	switch d.Kind {
	case Answer:
		_, f = r.Answer(ctx, d, req, resp)
	case Forge:
		if _, f = r.Forge(ctx, req, nil, resp); f == nil && r.WantsDeliver() {
			f = r.OnDeliver(ctx, req, resp)
		}
	}
	return f
}

// warmRequest is the request that a line of the configuration stands for.
func warmRequest(line, host string) (*message.Request, error) {
	method, target, _ := strings.Cut(line, " ")
	raw, query, has := strings.Cut(target, "?")
	path, err := http1.NormalizePath(nil, []byte(raw), "merge")
	if err != nil {
		return nil, err
	}
	req := &message.Request{
		Method: []byte(method), Target: []byte(target), Path: path, Query: []byte(query), HasQuery: has,
		Scheme: "http", Host: []byte(host), Minor: 1, Conn: &message.Conn{Start: time.Now()},
	}
	req.Set("Host", host)
	return req, nil
}

// causeOf is a fault as an error of the preparation: where in a request's life it
// happened is of no interest there.
func causeOf(f *message.Fault) error {
	switch {
	case f == nil:
		return nil
	case f.Err == nil:
		return errors.New(f.Cause)
	}
	return fmt.Errorf("%s: %w", f.Cause, f.Err)
}

// nobody is the world outside of a warm-up: a client without a body that takes
// all that is sent, and no backend.
type nobody struct{}

func (nobody) Fetch(*Question) (Fetched, error)            { return nil, ErrDenied }
func (nobody) ReadBody([]byte, time.Duration) (int, error) { return 0, io.EOF }
func (nobody) BodyLength() int64                           { return 0 }
func (nobody) Begin(*message.Response) error               { return nil }
func (nobody) Write([]byte) error                          { return nil }
