package advice

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"

	"fishplate/internal/model"
)

// CatchesAll reports whether no request of the vhost passes a route.
func CatchesAll(r *model.Route) bool {
	return !r.When.Set() && len(r.Methods) == 0 && (r.Path == "" || r.Path == "/*")
}

// Reaches reports whether a connection to address surely ends at bind. Other
// addresses of this machine are not known here.
func Reaches(address, bind string) bool {
	if strings.HasPrefix(address, "unix:") {
		return address == bind
	}
	host, port, err := net.SplitHostPort(address)
	bindHost, bindPort, err2 := net.SplitHostPort(bind)
	if err != nil || err2 != nil || port != bindPort {
		return false
	}
	if host == bindHost {
		return true
	}
	ip, _ := netip.ParseAddr(host)
	bindIP, _ := netip.ParseAddr(bindHost)
	here := host == "localhost" || ip.IsLoopback()
	anywhere := bindHost == "" || bindIP.IsUnspecified()
	return here && anywhere || host == "localhost" && bindIP.IsLoopback() || ip.IsUnspecified() && host != "" && (anywhere || bindIP.IsLoopback())
}

// HostName brings a host to the form that requests are compared with: lower
// case, IDNA, no final dot.
func HostName(h string) (string, error) {
	star := ""
	if rest, ok := strings.CutPrefix(h, "*."); ok {
		star, h = "*.", rest
	}
	h = strings.TrimSuffix(strings.ToLower(h), ".")
	if strings.HasPrefix(h, "[") && strings.HasSuffix(h, "]") {
		return h, nil
	}
	ascii, err := idna.Lookup.ToASCII(h)
	if err != nil || ascii == "" || strings.ContainsAny(ascii, `*:/\@?# `) {
		ok := err != nil && ascii != "" && !strings.ContainsAny(h, "*:/\\@?# \t") && isASCII(h)
		if !ok {
			return "", fmt.Errorf("%q is not a host name", star+h)
		}
		ascii = h // names such as "my_app" are in use
	}
	return star + ascii, nil
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
