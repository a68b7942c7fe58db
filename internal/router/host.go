package router

import (
	"fmt"
	"net/netip"
	"strings"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"

	"golang.org/x/net/idna"
)

// Normal returns the form in which host names are compared: lower case, ASCII
// (IDNA 2008), without port and final dot. A leading "*." is kept.
func Normal(host string) (string, error) {
	name, star := strings.CutPrefix(host, "*.")
	bare := strings.Trim(name, "[]")
	if ip, err := netip.ParseAddr(bare); err == nil && !star {
		if ip.Is6() {
			return "[" + ip.String() + "]", nil
		}
		return ip.String(), nil
	}
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[:i]
	}
	name = strings.TrimSuffix(name, ".")
	if star && plain(name) {
		return host[:2] + name, nil
	} else if plain(name) {
		return name, nil
	}
	// Underscores are no part of host names and are in use all the same.
	profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))
	ascii, err := profile.ToASCII(name)
	if err != nil || ascii == "" || strings.ContainsAny(ascii, "* /\\@?#") {
		return "", fmt.Errorf("read host %q: not a host name", host)
	}
	ascii = strings.ToLower(ascii)
	if star {
		return "*." + ascii, nil
	}
	return ascii, nil
}

// plain reports whether name is in its normal form already: letters, digits
// and dots, without hyphens, which IDNA has rules about.
func plain(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '.' || i == 0 || name[i-1] == '.') {
			return false
		}
	}
	return name != "" && len(name) < 254
}

// find returns the vhost of a host name, which is in lower case.
func (r *Router) find(env *predicate.Env) *vhost {
	host := message.View(env.Req.Host)
	if n := len(host); n > 0 && host[n-1] == '.' {
		host = host[:n-1]
	}
	if vh := lookup(r.exact, r.wildcard, r.labels, host); vh != nil {
		return vh
	}
	if c := env.Req.Conn; c != nil && c.TLS != nil && len(r.sni.exact)+len(r.sni.wildcard) > 0 {
		if vh := lookup(r.sni.exact, r.sni.wildcard, r.sni.labels, c.TLS.ServerName); vh != nil && len(vh.model.Hosts) == 0 {
			return vh
		}
	}
	return r.anyHost
}

// MatchSNI returns the vhost that lists the TLS server name, or else "*", or nil. It
// serves connections that are decided before there is a request; "" is the name of
// a client that has none.
func (r *Router) MatchSNI(name string) *model.VHost {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	vh := lookup(r.sni.exact, r.sni.wildcard, r.sni.labels, name)
	if vh == nil {
		vh = r.sni.any
	}
	if vh == nil {
		return nil
	}
	return vh.model
}

// Sniffs tells whether a server name may decide: else MatchSNI answers without one.
func (r *Router) Sniffs() bool { return r.sni.any == nil || len(r.sni.exact)+len(r.sni.wildcard) > 0 }

func lookup(exact, wildcard map[string]*vhost, labels int, host string) *vhost {
	if vh := exact[host]; vh != nil || len(wildcard) == 0 {
		return vh
	}
	// Only suffixes that are not longer than the longest wildcard are tried.
	for skip := strings.Count(host, ".") - labels; ; skip-- {
		dot := strings.IndexByte(host, '.')
		if dot < 0 {
			return nil
		}
		host = host[dot+1:]
		if skip > 0 {
			continue
		}
		if vh := wildcard[host]; vh != nil {
			return vh
		}
	}
}
