package admin

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"fishplate/internal/admin/grant"
	"fishplate/internal/control"
)

// Bounds of what comes with tokens.
const (
	maxCalls = 8   // calls of one tenant's bearers under way
	maxToken = 512 // bytes
)

// tokenCalls are what a tenant's token opens on the TCP address.
func tokenCalls() []string {
	return []string{
		"GET /v1/tenants/{name}", "GET /v1/tenants/{name}/versions", "GET /v1/tenants/{name}/metrics", "GET /v1/tenants/{name}/logs",
		"POST /v1/tenants/{name}/program", "POST /v1/tenants/{name}/rollback",
	}
}

// Token says that a tenant's token opens the call on the TCP address.
func (e Endpoint) Token() bool { return slices.Contains(tokenCalls(), e.Method+" "+e.Path) }

// onlyBearer answers calls about one tenant to those who hold a token of it.
// Whoever holds none learns nothing, not even which tenants there are: an
// unknown name and a wrong token are one answer.
func (s *Server) onlyBearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		client, name := grant.Client(r), r.PathValue("name")
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || given == "" || len(given) > maxToken {
			w.Header().Set("WWW-Authenticate", `Bearer realm="fishplate tenant"`)
			refuse(w, http.StatusUnauthorized, errors.New("this call wants a token of the tenant: Authorization: Bearer TOKEN"))
			return
		}
		g, err := grant.Look(s.o.Tenants, name, given)
		if err != nil { // who holds a token does not pay for others of the same address
			s.wrong(w, r, client, err)
			return
		}
		if !s.calls.Begin(name, maxCalls) {
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, errors.New("too many calls of this tenant are under way"))
			return
		}
		defer s.calls.End(name)
		ctx, done := s.grants.Begin(r.Context(), g)
		defer done()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r.WithContext(ctx))
		s.o.Logger.Info("tenant api", "tenant", name, "token", g.Token, "client", client, "method", r.Method, "path", r.URL.Path, "status", seen.status)
	})
}

// wrong answers a token that is none. Beyond a bound it costs no line of the log.
func (s *Server) wrong(w http.ResponseWriter, r *http.Request, client netip.Addr, err error) {
	if !s.failures.May(client, time.Now()) {
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusTooManyRequests, errors.New("too many wrong tokens"))
		return
	}
	s.failures.Failed(client, time.Now())
	s.o.Logger.Warn("tenant api", "client", client, "method", r.Method, "path", r.URL.Path, "status", http.StatusForbidden)
	refuse(w, http.StatusForbidden, err)
}

// discreet is what the holder of a token hears of a refusal: not where the operator's
// files lie.
func discreet(r *http.Request, err error) error {
	refused, ok := errors.AsType[*Refused](err)
	if !ok || grant.Of(r.Context()) == nil {
		return err
	}
	told := *refused
	told.Result.Errors = control.Placeless(refused.Result.Errors)
	return &told
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// changing is the context of a change, which ends with the caller.
func changing(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), updatesWait)
}

// onlyNear refuses reads from other hosts while Options.OpenReads says so.
func (s *Server) onlyNear(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.o.OpenReads != nil && !s.o.OpenReads() && !grant.Peer(r).IsLoopback() {
			refuse(w, http.StatusForbidden, errors.New("tenants have tokens, and this call tells of all tenants: ask from this host, or see admin.http.reads"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
