package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"fishplate/internal/admin"
	"fishplate/internal/proxy"
)

// printCacheWord writes what the cache would do: one line where no policy
// holds, else a block with the key, the object that was found and its arithmetic.
func printCacheWord(b *strings.Builder, c *proxy.CacheWord) {
	fmt.Fprintf(b, "%-10s %s\n", "cache", c.State+reason(c.Why))
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "    %-10s %s\n", name, value)
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
		fmt.Fprintf(b, "    %-10s %s\n", "", text)
	}
	line("stored", c.Stored)
}

// objectText is one stored object on one line.
func objectText(o *proxy.CacheObject) string {
	parts := []string{fmt.Sprint(o.Status), sizeText(o.Bytes)}
	if o.Coding != "" {
		parts = append(parts, o.Coding)
	}
	if o.ETag != "" {
		parts = append(parts, "ETag "+o.ETag)
	}
	parts = append(parts, fmt.Sprintf("%d hits", o.Hits), map[string]string{"memory": "in memory", "disk": "on disk"}[o.Tier])
	if !o.Complete {
		parts = append(parts, "not complete")
	}
	age := "age " + secondsText(o.Age)
	if o.Fresh >= 0 {
		age += ", fresh for another " + secondsText(o.Fresh)
	} else {
		age += ", stale for " + secondsText(-o.Fresh)
	}
	return strings.Join(append(parts, age), ", ")
}

// sizeText writes bytes as people read them: exact when short, else rounded.
func sizeText(n int64) string {
	if n < 10_000 {
		return fmt.Sprintf("%d bytes", n)
	}
	f, units := float64(n), []string{"KiB", "MiB", "GiB", "TiB"}
	for i, u := range units {
		if f /= 1024; f < 1000 || i == len(units)-1 {
			return fmt.Sprintf("%.1f %s", f, u)
		}
	}
	return ""
}

func secondsText(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d >= time.Minute {
		d = d.Round(time.Second)
	} else {
		d = d.Round(100 * time.Millisecond)
	}
	return d.String()
}

// printCache writes the cache's part of the status: stores, then partitions.
func printCache(t io.Writer, head func(...string), c *admin.CacheStatus) {
	if c == nil {
		return
	}
	head("CACHE", "OBJECTS", "MEMORY", "OF", "EVICTED", "BANS", "DISK", "OF", "ON DISK")
	for _, s := range c.Stores {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%d\t%d", s.Name, s.Objects, sizeText(s.Bytes), sizeText(s.Limit), s.Evicted, s.Bans)
		if d := s.Disk; d != nil {
			objects := fmt.Sprint(d.Objects)
			if !d.Loaded {
				objects += ", index is being read"
			}
			fmt.Fprintf(t, "\t%s\t%s\t%s\n", sizeText(d.Bytes), sizeText(d.Limit), objects)
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
			quota = sizeText(p.Quota)
		}
		if hits+misses > 0 {
			rate = fmt.Sprintf("%.1f%%", 100*float64(hits)/float64(hits+misses))
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", p.Name, p.Objects, sizeText(p.Bytes), quota, all, hits, misses, p.Requests["bypass"], rate)
	}
}
