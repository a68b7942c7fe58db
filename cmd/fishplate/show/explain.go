package show

import (
	"fmt"
	"io"
	"strings"

	"fishplate/internal/proxy"
)

// Explanation writes the way of the request from the vhost to the server.
func Explanation(w io.Writer, e *proxy.Explanation) error {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			printf(&b, "%-10s %s\n", name, value)
		}
	}
	line("vhost", orNone(e.VHost))
	for _, r := range e.Routes {
		mark := " "
		if r.Matched {
			mark = "*"
		}
		printf(&b, "  %s route %q%s\n", mark, r.Route, reason(r.Why))
	}
	if e.VHost != "" {
		line("route", orNone(e.Route))
	}
	for _, p := range e.Predicates {
		printf(&b, "    %s is %s  (%s)\n", p.Text, p.Value, p.Range)
	}
	line("answer", e.Answer)
	if e.Tenant != "" {
		line("tenant", e.Tenant+": what follows is for a request that its program lets pass; it is not run here")
	}
	line("limits", strings.Join(e.Limits, "; "))
	cacheWord(&b, &e.Cache)
	line("backend", e.Backend)
	for _, c := range e.Candidates {
		mark := "out"
		if c.In {
			mark = "in "
		}
		printf(&b, "    %s %s%s\n", mark, c.Server, reason(c.Why))
	}
	line("persist", e.Persist)
	line("server", e.Server)
	_, err := io.WriteString(w, b.String())
	return err
}

func reason(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// cacheWord writes what the cache would do: one line where no policy
// holds, else a block with the key, the object that was found and its arithmetic.
func cacheWord(b *strings.Builder, c *proxy.CacheWord) {
	printf(b, "%-10s %s\n", "cache", c.State+reason(c.Why))
	line := func(name, value string) {
		if value != "" {
			printf(b, "    %-10s %s\n", name, value)
		}
	}
	line("policy", c.Policy)
	if c.Store != "" {
		line("store", c.Store+", partition "+c.Partition)
	}
	line("key", c.Key)
	variant := c.Variant
	if c.Variants > 1 {
		variant = strings.TrimPrefix(fmt.Sprintf("%s (%d under this key)", variant, c.Variants), " ")
	}
	line("variant", variant)
	if c.Object != nil {
		line("object", objectText(c.Object))
		line("tags", strings.Join(c.Object.Tags, " "))
	}
	for i, text := range c.Freshness {
		if i == 0 {
			line("freshness", text)
			continue
		}
		printf(b, "    %-10s %s\n", "", text)
	}
	line("stored", c.Stored)
}

// objectText is one stored object on one line.
func objectText(o *proxy.CacheObject) string {
	parts := []string{fmt.Sprint(o.Status), size(o.Bytes)}
	if o.Coding != "" {
		parts = append(parts, o.Coding)
	}
	if o.ETag != "" {
		parts = append(parts, "ETag "+o.ETag)
	}
	parts = append(parts, Count(int(o.Hits), "hit"), map[string]string{"memory": "in memory", "disk": "on disk"}[o.Tier])
	if !o.Complete {
		parts = append(parts, "not complete")
	}
	age := "age " + seconds(o.Age)
	if o.Fresh >= 0 {
		age += ", fresh for another " + seconds(o.Fresh)
	} else {
		age += ", stale for " + seconds(-o.Fresh)
	}
	return strings.Join(append(parts, age), ", ")
}
