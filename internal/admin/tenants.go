package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fishplate/internal/admin/grant"
	"fishplate/internal/control"
	"fishplate/internal/metrics"
	"fishplate/internal/tenant"
)

// signatureField carries the Ed25519 signature of a program, in base64.
const signatureField = "Fishplate-Signature"

// Bounds of an upload.
const (
	uploadTime  = 2 * time.Minute  // for all of a body
	maxComment  = 1024             // bytes of a comment, and of what a trial is to hold
	maxUploads  = 1                // programs of one tenant on their way, which lie in memory
	updatesWait = 30 * time.Second // for the program to start
)

// Programs makes changes that give tenants programs. They return the number of the
// change; an error is a *Refused where the change was, and one of tenant's where it
// was not begun.
type Programs interface {
	Update(ctx context.Context, name string, elf []byte, o tenant.UpdateOptions, a control.ApplyOptions) (tenant.Version, uint64, error)
	Rollback(ctx context.Context, name string, number int, o tenant.UpdateOptions, a control.ApplyOptions) (tenant.Version, uint64, error)
}

// Refused is the error form of a change that was not made.
type Refused struct {
	Result control.Result
	Match  uint64 // the generation that was to run; 0 is any
}

func (r *Refused) Error() string { return control.Refusal(r.Result.Errors).Error() }

// Is sorts refusals for their statuses.
func (r *Refused) Is(target error) bool {
	switch target {
	case errMatch:
		return r.Match != 0 && r.Result.Generation != r.Match
	case errBusy:
		return r.Result.Busy
	}
	return false
}

var (
	errMatch = errors.New("another generation runs")
	errBusy  = errors.New("another change is under way")
)

// Gave is the answer to an update of a tenant's program.
type Gave struct {
	tenant.Version
	Change uint64 `json:"change"` // its number in the history
}

// TenantView is one tenant with its programs.
type TenantView struct {
	tenant.Status
	Versions []tenant.Version     `json:"versions"` // the newest first
	Shadow   *tenant.ShadowReport `json:"shadow"`   // null: it has no candidate
}

// ofTenant is the handler of a call about the tenant that the path names.
func ofTenant(handle func(*Server, *tenant.Tenant, http.ResponseWriter, *http.Request) error) func(*Server, http.ResponseWriter, *http.Request) error {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		if s.o.Tenants == nil {
			return errors.ErrUnsupported
		}
		t := s.o.Tenants.Tenant(r.PathValue("name"))
		if t == nil {
			return fmt.Errorf("%w: %q", tenant.ErrNoTenant, r.PathValue("name"))
		}
		if err := grant.Of(r.Context()).Holds(); err != nil {
			return err
		}
		return handle(s, t, w, r)
	}
}

func (s *Server) tenants(w http.ResponseWriter, _ *http.Request) error {
	if s.o.Tenants == nil {
		return errors.ErrUnsupported
	}
	return answer(w, http.StatusOK, s.o.Tenants.Status())
}

func (s *Server) tenant(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) error {
	v := TenantView{Status: t.Status(), Versions: s.o.Tenants.Versions(t.Name())}
	if v.Versions == nil {
		v.Versions = []tenant.Version{}
	}
	if report, ok := s.o.Tenants.Shadow(t.Name()); ok {
		v.Shadow = &report
	}
	return answer(w, http.StatusOK, v)
}

func (s *Server) tenantVersions(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) error {
	list := s.o.Tenants.Versions(t.Name())
	if list == nil {
		list = []tenant.Version{}
	}
	return answer(w, http.StatusOK, list)
}

// tenantMetrics prints the counters of one tenant alone.
func (s *Server) tenantMetrics(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) error {
	name := t.Name()
	only := s.o
	only.Words, only.Readings = nil, func() (list []metrics.Reading) {
		if s.o.Readings == nil {
			return nil
		}
		for _, m := range s.o.Readings() {
			mine := m.Table == &metrics.Tenant || m.Table == &metrics.TenantCustom || m.Table == &metrics.TenantSpan
			if mine && m.Values[0] == name {
				list = append(list, m)
			}
		}
		return list
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(only))
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil
}

// uploading lets one program of a tenant come at a time.
func (s *Server) uploading(t *tenant.Tenant) (done func(), err error) {
	if !s.uploads.Begin(t.Name(), maxUploads) {
		return nil, fmt.Errorf("%w: another program of the tenant is on its way", tenant.ErrRate)
	}
	return func() { s.uploads.End(t.Name()) }, nil
}

// upload reads the ELF file that is the body.
func (s *Server) upload(w http.ResponseWriter, r *http.Request, t *tenant.Tenant) ([]byte, error) {
	limit, c := t.MaxProgram(), http.NewResponseController(w)
	if err := c.SetReadDeadline(time.Now().Add(uploadTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	defer context.AfterFunc(r.Context(), func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })() // with the grant
	if r.ContentLength > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", tenant.ErrSize, r.ContentLength, limit)
	}
	// A buffer that grows would be there twice. What has not come takes no memory yet.
	body := bytes.NewBuffer(make([]byte, 0, max(r.ContentLength, 0)+bytes.MinRead))
	_, err := body.ReadFrom(io.LimitReader(r.Body, limit+1))
	elf := body.Bytes()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: read program: %w", ErrInvalid, err)
	case int64(len(elf)) > limit:
		return nil, fmt.Errorf("%w: at most %d bytes", tenant.ErrSize, limit)
	case len(elf) == 0:
		return nil, fmt.Errorf("%w: the body is the program, and it is empty", ErrInvalid)
	}
	return elf, nil
}

// giving reads what every change is told that gives a tenant a program.
func (s *Server) giving(r *http.Request, comment string) (o tenant.UpdateOptions, a control.ApplyOptions, err error) {
	if s.o.Programs == nil {
		return o, a, errors.ErrUnsupported
	}
	if a, err = (&ChangeRequest{Comment: comment}).options(r); err != nil {
		return o, a, err
	}
	return tenant.UpdateOptions{Comment: a.Comment, Author: a.Author, Signature: []byte(r.Header.Get(signatureField)), May: grant.Of(r.Context()).Holds}, a, nil
}

func (s *Server) tenantUpdate(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) error {
	o, a, err := s.giving(r, r.URL.Query().Get("comment"))
	if err != nil {
		return err
	}
	done, err := s.uploading(t)
	if err != nil {
		return err
	}
	defer done()
	elf, err := s.upload(w, r, t)
	if err != nil {
		return err
	}
	ctx, cancel := changing(r)
	defer cancel()
	v, change, err := s.o.Programs.Update(ctx, t.Name(), elf, o, a)
	s.o.Logger.Info("tenant updated", "tenant", t.Name(), "by", a.Author, "bytes", len(elf), "version", v.Number, "change", change, "error", err)
	if err != nil {
		return refusedProgram(discreet(r, err))
	}
	return answer(w, http.StatusOK, Gave{v, change})
}

func (s *Server) tenantRollback(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) error {
	var q struct {
		Version int
		Comment string
	}
	if err := question(r, &q); err != nil {
		return err
	}
	o, a, err := s.giving(r, q.Comment)
	if err != nil {
		return err
	}
	ctx, cancel := changing(r)
	defer cancel()
	v, change, err := s.o.Programs.Rollback(ctx, t.Name(), q.Version, o, a)
	s.o.Logger.Info("tenant rolled back", "tenant", t.Name(), "by", a.Author, "to", q.Version, "version", v.Number, "change", change, "error", err)
	if err != nil {
		return refusedProgram(discreet(r, err))
	}
	return answer(w, http.StatusOK, Gave{v, change})
}

func (s *Server) tenantShadow(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) error {
	report, ok := s.o.Tenants.Shadow(t.Name())
	if !ok {
		return errNoShadow
	}
	return answer(w, http.StatusOK, report)
}

var errNoShadow = fmt.Errorf("%w: the tenant has no candidate", tenant.ErrNoVersion)

// tenantTry starts a candidate.
func (s *Server) tenantTry(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) error {
	share, err := strconv.ParseFloat(r.URL.Query().Get("share"), 64)
	if err != nil || !(share > 0 && share <= 1) {
		return fmt.Errorf("%w: share is above 0, to 1", ErrInvalid)
	}
	done, err := s.uploading(t)
	if err != nil {
		return err
	}
	defer done()
	elf, err := s.upload(w, r, t)
	if err != nil {
		return err
	}
	ctx, cancel := changing(r)
	defer cancel()
	if err := s.o.Tenants.Try(ctx, t.Name(), r.URL.Query().Get("program"), elf, []byte(r.Header.Get(signatureField)), share); err != nil {
		return refusedProgram(err)
	}
	s.o.Logger.Info("tenant shadow begins", "tenant", t.Name(), "by", author(r), "share", share)
	return s.tenantShadow(t, w, r)
}

// tenantUntry ends a candidate; the answer is the last report.
func (s *Server) tenantUntry(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) error {
	report, ok := s.o.Tenants.EndTrial(t.Name())
	if !ok {
		return errNoShadow
	}
	s.o.Logger.Info("tenant shadow ends", "tenant", t.Name(), "by", author(r))
	return answer(w, http.StatusOK, report)
}

// errProgram is wrapped by errors that are about the program that was sent: they
// become 422.
var errProgram = errors.New("refused")

// refusedProgram marks an error of Update and its like that has no status of
// its own.
func refusedProgram(err error) error {
	for _, known := range []error{errMatch, errBusy, tenant.ErrNoTenant, tenant.ErrNoVersion, tenant.ErrSize, tenant.ErrRate, tenant.ErrSignature} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errProgram, err)
}
