package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

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

type bearerKey struct{}

// onlyBearer answers calls about one tenant to those who hold a token of it.
// Whoever holds none learns nothing, not even which tenants there are: an
// unknown name and a wrong token are one answer.
func (s *Server) onlyBearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		client, name := clientOf(r), r.PathValue("name")
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || given == "" || len(given) > maxToken {
			w.Header().Set("WWW-Authenticate", `Bearer realm="fishplate tenant"`)
			refuse(w, http.StatusUnauthorized, errors.New("this call wants a token of the tenant: Authorization: Bearer TOKEN"))
			return
		}
		if !s.failures.May(client, time.Now()) {
			w.Header().Set("Retry-After", "10")
			refuse(w, http.StatusTooManyRequests, errors.New("too many wrong tokens"))
			return
		}
		by, ok := s.bearer(name, given)
		if !ok {
			s.failures.Failed(client, time.Now())
			s.o.Logger.Warn("tenant api", "client", client, "method", r.Method, "path", r.URL.Path, "status", http.StatusForbidden)
			refuse(w, http.StatusForbidden, errors.New("there is no such tenant, or the token is not one of it"))
			return
		}
		if !s.calls.Begin(name, maxCalls) {
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, errors.New("too many calls of this tenant are under way"))
			return
		}
		defer s.calls.End(name)
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r.WithContext(context.WithValue(r.Context(), bearerKey{}, by)))
		s.o.Logger.Info("tenant api", "tenant", name, "token", by, "client", client, "method", r.Method, "path", r.URL.Path, "status", seen.status)
	})
}

// bearer returns the name of the token of that tenant. Hashes are compared, all
// of them and each in constant time.
func (s *Server) bearer(name, given string) (token string, ok bool) {
	sum := sha256.Sum256([]byte(given)) // for unknown names too, which take as long
	if s.o.Tenants == nil {
		return "", false
	}
	t := s.o.Tenants.Tenant(name)
	if t == nil {
		return "", false
	}
	for _, k := range t.Model().Tokens {
		want, err := hex.DecodeString(k.Hash)
		if err != nil {
			continue // the configuration was checked: it cannot be
		}
		if subtle.ConstantTimeCompare(sum[:], want) == 1 {
			token, ok = k.Name, true
		}
	}
	return token, ok
}

// clientOf is the address that failures are counted by: of IPv6 the network,
// which one host has to itself.
func clientOf(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		p, err := a.Prefix(64)
		if err == nil {
			a = p.Addr()
		}
	}
	return a
}

// discreet is what the holder of a token hears of a refusal: not where the operator's
// files lie.
func discreet(r *http.Request, err error) error {
	refused, ok := errors.AsType[*Refused](err)
	if !ok || r.Context().Value(bearerKey{}) == nil {
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

// changing is the context of a change: a caller that leaves does not stop it
// half-way.
func changing(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), updatesWait)
}

// onlyNear refuses reads from other hosts while Options.OpenReads says so.
func (s *Server) onlyNear(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.o.OpenReads != nil && !s.o.OpenReads() && !clientOf(r).IsLoopback() {
			refuse(w, http.StatusForbidden, errors.New("tenants have tokens, and this call tells of all tenants: ask from this host, or see admin.http.reads"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
