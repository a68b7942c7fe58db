package predicate

import (
	"io/fs"
	"net/netip"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"

	"github.com/hashicorp/hcl/v2"
)

// Env is what one evaluation sees. Anything in it may be absent: the values
// that need it are then null. The caller keeps an Env per exchange (or in a
// pool), so that Scratch grows once and evaluation stays free of allocation.
type Env struct {
	Req  *message.Request
	Resp *message.Response // nil until there is one
	// Server and Tenant are names; "" until one is chosen.
	Server, Tenant string
	BodySize       int64  // bytes of the request's body; below zero when not known
	PathTail       []byte // what "/*" of the route's path stood for; nil without
	Now            time.Time
	// Scratch holds texts that are computed during one call. Every call
	// empties it, so nothing else may live there, the destination of
	// Value.Append least of all.
	Scratch []byte
	// VHost, Route, Backend and Duration are known to log filters only.
	VHost, Route, Backend string
	Duration              time.Duration
	Guest                 Caller // for guest(); nil: null
}

// Options say where an expression stands.
type Options struct {
	FS fs.FS // rooted at "/", for file_set; nil forbids it
	// Lists keeps what file_set reads, for all that is compiled with it; nil: each
	// expression reads for itself.
	Lists *Lists
	Dir   string // relative file names start here; "" = at the file that holds the expression
	// Locals holds the variables (local.x) and functions (env, file) that
	// are evaluated while the configuration is read.
	Locals   *hcl.EvalContext
	Response bool            // there is a response: status is allowed
	Patterns *model.Patterns // counts regular expressions; nil: each is only bounded itself
	Tenant   string          // whose program guest() calls; "" forbids it
	Log      bool            // a log filter: status, duration, route, vhost and backend are allowed
}

// since returns the text that was appended to Scratch from start on.
func (e *Env) since(start int) string { return message.View(e.Scratch[start:]) }

// client returns the address the request is from, IPv4 in its short form.
func (e *Env) client() (netip.Addr, bool) {
	if e.Req == nil {
		return netip.Addr{}, false
	}
	ip := e.Req.ClientIP
	if !ip.IsValid() && e.Req.Conn != nil {
		ip = e.Req.Conn.Client.Addr()
	}
	return ip.Unmap(), ip.IsValid()
}
