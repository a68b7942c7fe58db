package show

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"fishplate/internal/admin"
)

// CacheList writes one object a line, the URL last since it may be long.
func CacheList(w io.Writer, list *admin.CacheList) error {
	if len(list.Objects) == 0 {
		printf(w, "no objects (%d looked at)\n", list.Scanned)
	} else {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "HITS\tSTATE\tAGE\tTTL\tSTATUS\tSIZE\tTIER\tPARTITION\tCODING\tURL")
		for _, o := range list.Objects {
			printf(t, "%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", o.Hits, o.State, seconds(o.Age), seconds(o.TTL), o.Status,
				size(o.Size), o.Tier, o.Partition, orDash(o.Coding), o.URL)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if list.Cursor != "" {
		_, err := printf(w, "more with --cursor %s\n", list.Cursor)
		return err
	}
	return nil
}

// CacheShow writes the key and what lies under it.
func CacheShow(w io.Writer, s *admin.CacheShow) error {
	var b strings.Builder
	parts := strings.Split(s.Key, "\n")
	printf(&b, "%-10s %s\n", "key", parts[0])
	for _, part := range parts[1:] {
		printf(&b, "%-10s %s\n", "", part)
	}
	printf(&b, "%-10s %s, partition %s\n", "store", orNone(s.Store), orNone(s.Partition))
	printf(&b, "%-10s %s%s\n", "answer", orNone(s.Outcome), reason(s.Why))
	if len(s.Variants) == 0 {
		printf(&b, "%-10s nothing is stored\n", "objects")
	}
	for i := range s.Variants {
		printVariant(&b, i+1, &s.Variants[i])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printVariant(b *strings.Builder, number int, v *admin.CacheVariant) {
	mark := " "
	if v.Selected {
		mark = "*"
	}
	line := func(name, value string) {
		if value != "" {
			printf(b, "    %-10s %s\n", name, value)
		}
	}
	printf(b, "%s variant %d: %d, %s, %s, %s, in %s\n", mark, number, v.Status, size(v.Size), v.State, Count(int(v.Hits), "hit"), v.Tier)
	line("vary", v.Vary)
	line("coding", v.Coding)
	line("memory", size(v.Memory))
	for i, text := range v.Arithmetic {
		line([...]string{"freshness", ""}[min(i, 1)], text)
	}
	line("tags", strings.Join(v.Tags, " "))
	for i, h := range v.Head {
		line([...]string{"head", ""}[min(i, 1)], h[0]+": "+h[1])
	}
}

// CacheStat writes the figures of each store, then those of partitions.
func CacheStat(w io.Writer, s *admin.CacheStat) error {
	var b strings.Builder
	if len(s.Stores) == 0 {
		b.WriteString("no cache is configured\n")
	}
	for i := range s.Stores {
		if i > 0 {
			b.WriteByte('\n')
		}
		printStore(&b, &s.Stores[i])
	}
	if len(s.Partitions) > 0 {
		b.WriteByte('\n')
		t := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "PARTITION\tOBJECTS\tMEMORY\tQUOTA\tREQUESTS")
		for _, p := range s.Partitions {
			quota := "-"
			if p.Quota > 0 {
				quota = size(p.Quota)
			}
			printf(t, "%s\t%d\t%s\t%s\t%s\n", p.Name, p.Objects, size(p.Bytes), quota, counts(p.Requests))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printStore(b *strings.Builder, s *admin.CacheStore) {
	line := func(name, format string, args ...any) {
		printf(b, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	printf(b, "cache %q\n", s.Name)
	line("memory", "%s of %s: index %s, heads %s, bodies %s, free %s", size(s.Bytes), size(s.Limit),
		size(s.Index), size(s.Heads), size(s.Bodies), size(s.Free))
	line("objects", "%d, evicted %d, found no room %d", s.Objects, s.Evicted, s.Refused)
	if d := s.Disk; d != nil {
		line("disk", "%s: %s of %s, %s, %d not taken", d.Path, size(d.Bytes), size(d.Limit), Count(int(d.Objects), "object"), d.Dropped)
	}
	bans := fmt.Sprintf("%d of %d, tested %d times, matched %s", s.BanList.Active, s.BanList.Limit, s.BanList.Tests, Count(int(s.BanList.Matched), "object"))
	if s.BanList.Active > 0 {
		bans += ", the oldest is " + seconds(s.BanList.Oldest) + " old"
	}
	if s.BanList.Overdue {
		bans += ": they come faster than they are worked off"
	}
	line("bans", "%s", bans)
	if len(s.Counts) > 0 {
		line("requests", "%s", counts(s.Counts))
	}
	histogram(b, "ages", s.Ages, seconds)
	histogram(b, "sizes", s.Sizes, func(n float64) string { return size(int64(n)) })
}

// counts writes what is not zero, the most first.
func counts(m map[string]int64) string {
	words := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		if m[a] != m[b] {
			return int(max(-1, min(1, m[b]-m[a])))
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, w := range words {
		if m[w] != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", w, m[w]))
		}
	}
	return orDash(strings.Join(parts, ", "))
}

// barWidth is the longest bar of a histogram, in characters.
const barWidth = 40

// histogram writes a bar for each bucket; what is not zero has at least a
// character. Empty ends are left out.
func histogram(b *strings.Builder, name string, list []admin.CacheBucket, text func(float64) string) {
	some := func(x admin.CacheBucket) bool { return x.Count > 0 }
	first := slices.IndexFunc(list, some)
	if first < 0 {
		return
	}
	most, last := int64(1), first
	for i, x := range list {
		if most = max(most, x.Count); some(x) {
			last = i
		}
	}
	printf(b, "  %s\n", name)
	for i, x := range list[first : last+1] {
		label := "more"
		if i+first < len(list)-1 {
			label = "≤ " + text(x.Upto)
		}
		bar := strings.Repeat("█", int((x.Count*barWidth+most-1)/most))
		fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf("    %-12s %10d  %s", label, x.Count, bar), " "))
	}
}
