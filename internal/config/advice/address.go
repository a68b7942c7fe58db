package advice

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Address checks "HOST:PORT" or "unix:/PATH"; only a listener may leave the host
// out. It returns what is wrong, or "", and what to write instead.
func Address(a string, listen bool) (problem, suggestion string) {
	if problem := Name(a); problem != "" {
		return "an address " + problem, ""
	}
	if p, ok := strings.CutPrefix(a, "unix:"); ok {
		if !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "@") {
			return fmt.Sprintf("unix socket %q needs an absolute path", a), `write "unix:/run/app.sock"`
		}
		return "", ""
	}
	host, port, err := net.SplitHostPort(a)
	if err != nil {
		if _, bad := strconv.Atoi(a); bad == nil {
			return fmt.Sprintf("%q is not an address", a), fmt.Sprintf("write %q", ":"+a)
		}
		return fmt.Sprintf("%q is not an address", a), `write "HOST:PORT", "[IPV6]:PORT" or "unix:/PATH"`
	}
	low := 1
	if listen {
		low = 0
	}
	if n, err := strconv.Atoi(port); err != nil || n < low || n > 65535 {
		return fmt.Sprintf("%q is not a port: from 1 to 65535 is allowed", port), ""
	}
	if host == "" && !listen {
		return fmt.Sprintf("address %q has no host", a), fmt.Sprintf("write %q", "127.0.0.1:"+port)
	}
	return "", ""
}
