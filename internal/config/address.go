package config

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// address checks "HOST:PORT" or "unix:/PATH"; only a listener may leave the
// host out.
func (l *loader) address(a string, at hcl.Range, listen bool) {
	if p, ok := strings.CutPrefix(a, "unix:"); ok {
		if !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "@") {
			l.errorf(at, fmt.Sprintf("unix socket %q needs an absolute path", a), "", `write "unix:/run/app.sock"`)
		}
		return
	}
	host, port, err := net.SplitHostPort(a)
	if err != nil {
		suggestion := `write "HOST:PORT", "[IPV6]:PORT" or "unix:/PATH"`
		if _, bad := strconv.Atoi(a); bad == nil {
			suggestion = fmt.Sprintf("write %q", ":"+a)
		}
		l.errorf(at, fmt.Sprintf("%q is not an address", a), "", suggestion)
		return
	}
	low := 1
	if listen {
		low = 0
	}
	if n, err := strconv.Atoi(port); err != nil || n < low || n > 65535 {
		l.errorf(at, fmt.Sprintf("%q is not a port: from 1 to 65535 is allowed", port), "", "")
	}
	if host == "" && !listen {
		l.errorf(at, fmt.Sprintf("address %q has no host", a), "", fmt.Sprintf("write %q", "127.0.0.1:"+port))
	}
}
