package wanted

import (
	"net"
	"strconv"
	"strings"

	"fishplate/internal/doctor"
	"fishplate/internal/model"
)

// UsualConnections is a listener's limit that nobody wrote. It is a ceiling against
// floods and promises nothing.
const UsualConnections = 100000

// Of returns what cfg wants; nil wants nothing that is known.
func Of(cfg *model.Config) *doctor.Ours {
	if cfg == nil {
		return nil
	}
	// Clients always keep their connections, and lines of the access log never stop a
	// request: no configuration says otherwise.
	o := &doctor.Ours{KeepAlive: true}
	for _, l := range cfg.Listeners {
		o.FastOpen = o.FastOpen || l.Accept.FastOpen
		o.Shards = max(o.Shards, Shards(l.Accept))
		if l.Limits.Connections != UsualConnections {
			o.MaxConns += l.Limits.Connections
		}
		for _, bind := range l.Bind {
			host, port := Split(bind)
			o.Privileged = o.Privileged || port > 0 && port < 1024
			o.Listeners = append(o.Listeners, doctor.OurListener{Name: l.Name, Address: host, Port: port, Backlog: l.Accept.Backlog})
		}
	}
	for _, b := range cfg.Backends {
		o.Upstreams += len(b.Servers)
		if b.Discover != nil {
			o.Upstreams++
		}
		o.Reuse = o.Reuse || b.Pool.Idle > 0
	}
	for _, c := range cfg.Caches {
		o.CacheMemory += c.Memory
	}
	for _, t := range cfg.Tenants {
		o.TenantMemory += t.Storage
	}
	return o
}

// Split parts an address of a listener. Unix sockets and those that were passed to
// us have no port, and neither has a port that is a name.
func Split(bind string) (host string, port int) {
	if strings.HasPrefix(bind, "unix:") || strings.HasPrefix(bind, "fd:") {
		return bind, 0
	}
	host, text, err := net.SplitHostPort(bind)
	if err != nil {
		return bind, 0
	}
	if host == "" {
		host = "::"
	}
	port, err = strconv.Atoi(text)
	if err != nil {
		return host, 0
	}
	return host, port
}
