package show

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"fishplate/internal/admin"
)

// Status writes the status as tables, one for each kind of thing.
func Status(w io.Writer, s *admin.Status) error {
	printf(w, "fishplate %s, process %d, up %s, generation %d, started with %s\n",
		s.Version, s.PID, (time.Duration(s.Uptime) * time.Second), s.Generation, s.Path)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	head := func(columns ...string) { fmt.Fprintln(t, "\n"+strings.Join(columns, "\t")) }
	head("LISTENER", "BIND", "TLS", "CONNECTIONS", "ACCEPTED", "REQUESTS", "REFUSED", "SHARDS", "QUEUE", "DROPPED")
	for _, l := range s.Listeners {
		shards, waiting, dropped := queue(l.Accept)
		printf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\n", l.Name, bound(l), yes(l.TLS), l.Connections, l.Accepted, l.Requests, l.Refused, shards, waiting, dropped)
	}
	head("VHOST", "HOSTS", "TENANT", "ROUTES", "REQUESTS", "5XX")
	for _, v := range s.VHosts {
		printf(t, "%s\t%s\t%s\t%d\t%d\t%d\n", v.Name, orDash(strings.Join(v.Hosts, " ")), orDash(v.Tenant), len(v.Routes), v.Requests, v.Errors)
	}
	head("BACKEND", "SERVER", "ADDRESS", "STATE", "WEIGHT", "CONNECTIONS", "SESSIONS", "REQUESTS", "ERRORS")
	for _, b := range s.Backends {
		for _, v := range b.Servers {
			printf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%d\t%d\n", b.Name, v.Name, v.Address, stateText(v), v.Weight, v.Connections, sessions(v.Sessions), v.Requests, v.Errors)
		}
	}
	if len(s.Tenants) > 0 {
		head("TENANT", "STATE", "ACTIVE", "WAITING", "REQUESTS", "STOPS", "REFUSED")
		for _, n := range s.Tenants {
			printf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\n", n.Name, n.State, n.Active, n.Waiting, n.Requests, n.Stops, n.Refused)
		}
	}
	cacheStatus(t, head, s.Cache)
	if len(s.Checks) > 0 {
		head("CHECK", "VERDICT", "SINCE", "FOUND")
		for _, c := range s.Checks {
			printf(t, "%s\t%s\t%s\t%s\n", c.ID, c.Status, c.Since.Format(time.TimeOnly), c.Text)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := canary(w, s.Canary); err != nil {
		return err
	}
	for _, d := range s.Draining {
		printf(w, "\ngeneration %d drains: %s\n", d.Generation, d.Part)
	}
	for _, f := range s.Findings {
		printf(w, "\n%s: ", f.Severity)
		fmt.Fprintln(w, lines(f.Text))
	}
	return nil
}

// bound writes where a listener is open, and how many addresses it has beside.
func bound(l admin.ListenerStatus) string {
	text := orDash(strings.Join(l.Bind, " "))
	if n := len(l.Failed); n > 0 {
		text += fmt.Sprintf(", failed at %d", n)
	}
	return text
}

// queue writes how many sockets a listener has, what waits there before accept, of
// how much and how much it was at most, and what was lost.
func queue(a *admin.AcceptStatus) (shards, waiting, dropped string) {
	switch {
	case a == nil:
		return "-", "-", "-"
	case a.Queue == nil || a.Granted == nil || a.Most == nil:
		return strconv.Itoa(a.Shards), "unknown", "unknown"
	}
	dropped = "unknown"
	if a.Dropped != nil {
		dropped = strconv.FormatInt(*a.Dropped+a.Shed, 10)
	}
	shards = strconv.Itoa(a.Shards)
	if a.Spread != "" {
		shards += " " + a.Spread
	}
	return shards, fmt.Sprintf("%d of %d, at most %d", *a.Queue, *a.Granted, *a.Most), dropped
}

func stateText(s admin.ServerStatus) string {
	if s.DrainingSince == nil {
		return s.State
	}
	text := fmt.Sprintf("%s since %s (%s)", s.State, s.DrainingSince.Format(time.TimeOnly), time.Since(*s.DrainingSince).Truncate(time.Second))
	if s.DrainingUntil != nil {
		text += " until " + s.DrainingUntil.Format(time.TimeOnly)
	}
	return text
}

// sessions writes how many there are, if that is known.
func sessions(n *int64) string {
	if n == nil {
		return "unknown"
	}
	return strconv.FormatInt(*n, 10)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// cacheStatus writes the cache's part of the status: stores, then partitions.
func cacheStatus(t io.Writer, head func(...string), c *admin.CacheStatus) {
	if c == nil {
		return
	}
	head("CACHE", "OBJECTS", "MEMORY", "OF", "EVICTED", "BANS", "DISK", "OF", "ON DISK")
	for _, s := range c.Stores {
		printf(t, "%s\t%d\t%s\t%s\t%d\t%d", s.Name, s.Objects, size(s.Bytes), size(s.Limit), s.Evicted, s.Bans)
		if d := s.Disk; d != nil {
			objects := fmt.Sprint(d.Objects)
			if !d.Loaded {
				objects += ", index is being read"
			}
			printf(t, "\t%s\t%s\t%s\n", size(d.Bytes), size(d.Limit), objects)
			continue
		}
		fmt.Fprint(t, "\t-\t-\t-\n")
	}
	head("PARTITION", "OBJECTS", "MEMORY", "QUOTA", "REQUESTS", "HITS", "MISSES", "BYPASSED", "HIT RATE")
	for _, p := range c.Partitions {
		var all int64
		for _, n := range p.Requests {
			all += n
		}
		hits := p.Requests["hit"] + p.Requests["hit-stale"] + p.Requests["coalesced"]
		misses := p.Requests["miss"] + p.Requests["hit-for-miss"] + p.Requests["revalidated"]
		quota, rate := "-", "-"
		if p.Quota > 0 {
			quota = size(p.Quota)
		}
		if hits+misses > 0 {
			rate = fmt.Sprintf("%.1f%%", 100*float64(hits)/float64(hits+misses))
		}
		printf(t, "%s\t%d\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", p.Name, p.Objects, size(p.Bytes), quota, all, hits, misses, p.Requests["bypass"], rate)
	}
}
