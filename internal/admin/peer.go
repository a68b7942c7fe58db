package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"fishplate/internal/admin/grant"
)

type peerKey struct{}

// peer is who holds the other end of a unix socket.
type peer struct {
	uid   int
	known bool // false where the kernel does not tell
}

// rememberPeer asks the kernel once per connection who the caller is.
func rememberPeer(ctx context.Context, c net.Conn) context.Context {
	if u, ok := c.(*net.UnixConn); ok {
		uid, known := peerUID(u)
		return context.WithValue(ctx, peerKey{}, peer{uid, known})
	}
	return ctx
}

// onlyOwner refuses callers other than root and the process's own user. Where
// the kernel does not tell, the socket's mode 0600 is what protects it.
func (s *Server) onlyOwner(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := r.Context().Value(peerKey{}).(peer)
		if p.known && !allowed(p.uid, os.Geteuid()) {
			s.o.Logger.Warn("admin call refused", "uid", p.uid, "path", r.URL.Path)
			refuse(w, http.StatusForbidden, fmt.Errorf("uid %d may not use this socket", p.uid))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func allowed(uid, own int) bool { return uid == 0 || uid == own }

func author(r *http.Request) string {
	if g := grant.Of(r.Context()); g != nil {
		return fmt.Sprintf("token %q", g.Token)
	}
	if p, ok := r.Context().Value(peerKey{}).(peer); ok && p.known {
		return fmt.Sprintf("uid %d", p.uid)
	}
	return "socket"
}

// onlyOwnHost refuses what a browser was tricked into sending: a name in Host
// that is not this machine's (DNS rebinding), and any cross-site request.
func onlyOwnHost(next http.Handler) http.Handler {
	own, err := os.Hostname()
	if err != nil {
		own = ""
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		if !ownHost(r.Host, own) {
			refuse(w, http.StatusForbidden, fmt.Errorf("host %q is not this machine: use its address", r.Host))
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" || r.Header.Get("Origin") != "" && site == "" {
			refuse(w, http.StatusForbidden, errors.New("requests of other sites are refused"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownHost accepts an address, "localhost" and the machine's own name. A page of
// another site can make its name resolve to us, but cannot make it one of these.
func ownHost(host, own string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return strings.EqualFold(name, "localhost") || own != "" && strings.EqualFold(name, own)
}
