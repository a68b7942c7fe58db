package process

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"fishplate/internal/control"
	"fishplate/internal/model"
)

// Bounds of asking for names while a change is prepared.
const (
	nameTime  = 3 * time.Second  // for one
	namesTime = 10 * time.Second // for all of a change; at the start, nameTime is
	namesAt   = 16               // at once
)

// lookup resolves a host name; an answer without addresses is an error.
type lookup func(ctx context.Context, host string) error

func lookupHost(ctx context.Context, host string) error {
	_, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	return err
}

// prepareNames asks for the host names of servers that are new, or have another
// address. The answer is not kept, since every connection asks again. One that
// does not resolve refuses the change, unless its backend has other servers: then
// it is a warning. At the start of the process everything is a warning, since the
// network may come up after us.
func (e *estate) prepareNames(ctx context.Context, t *control.Transaction, ask lookup) error {
	within := namesTime
	if t.Running == nil {
		within = nameTime
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	fresh := newNames(t)
	failed := resolve(ctx, fresh, ask)
	var refusal control.Refusal
	for _, b := range t.Next.Backends {
		reachable := b.Discover != nil
		for _, s := range b.Servers {
			reachable = reachable || failed[hostOf(s)] == nil
		}
		for _, s := range b.Servers {
			err := failed[hostOf(s)]
			if err == nil || !fresh[hostOf(s)] {
				continue
			}
			p := problemAt(t, s.At, fmt.Sprintf("server %q: %v", b.Name+"/"+s.Name, err))
			switch {
			case t.Running == nil:
				p.Detail = "it is asked for again with every connection"
				t.Warn(p)
			case reachable:
				p.Detail = "the other servers of the backend are used; it is asked for again with every connection"
				t.Warn(p)
			default:
				p.Suggestion = "write the address, or mend the name: no server of the backend could be reached"
				refusal = append(refusal, p)
			}
		}
	}
	if len(refusal) > 0 {
		return refusal
	}
	return nil
}

// newNames are the host names that the change brings.
func newNames(t *control.Transaction) map[string]bool {
	known := map[*model.Backend]bool{}
	written := map[string]bool{}
	if t.Running != nil {
		for _, b := range t.Running.Backends {
			known[b] = true
			for _, s := range b.Servers {
				written[b.Name+"/"+s.Address] = true
			}
		}
	}
	fresh := map[string]bool{}
	for _, b := range t.Next.Backends {
		if known[b] {
			continue
		}
		for _, s := range b.Servers {
			if host := hostOf(s); host != "" && !written[b.Name+"/"+s.Address] {
				fresh[host] = true
			}
		}
	}
	return fresh
}

// hostOf is the name to ask for, "" where there is an address.
func hostOf(s *model.Server) string {
	host, _, err := net.SplitHostPort(s.Address)
	if err != nil || strings.HasPrefix(s.Address, "unix:") {
		return ""
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	return host
}

// resolve asks for all names and returns what is wrong with those that fail.
func resolve(ctx context.Context, names map[string]bool, ask lookup) map[string]error {
	failed := map[string]error{}
	var mu sync.Mutex
	var work sync.WaitGroup
	slots := make(chan struct{}, namesAt)
	for host := range names {
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, nameTime)
			defer cancel()
			if err := ask(ctx, host); err != nil {
				mu.Lock()
				failed[host] = err
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return failed
}
