package show

import (
	"bytes"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/admin"
	"fishplate/internal/proxy"
)

func TestPrintCacheWord(t *testing.T) {
	for _, c := range []struct {
		name string
		word proxy.CacheWord
		want string
	}{
		{"off", proxy.CacheWord{State: "off", Why: "no cache policy holds"}, "cache      off: no cache policy holds\n"},
		{"bypass", proxy.CacheWord{State: "bypass", Why: "expression", Policy: `vhost "shop"`}, `cache      bypass: expression
    policy     vhost "shop"
`},
		{"miss", proxy.CacheWord{State: "miss", Why: "absent", Policy: `route "all"`, Store: "main", Partition: "vhost/shop", Key: "http://shop.example/"}, `cache      miss: absent
    policy     route "all"
    store      main, partition vhost/shop
    key        http://shop.example/
`},
		{"stale", proxy.CacheWord{
			State: "hit-stale", Why: "grace", Policy: `tenant "shop"`, Store: "main", Partition: "tenant/shop", Key: "http://shop.example/a | group=b",
			Variant: "Accept-Encoding: br", Variants: 3,
			Object:    &proxy.CacheObject{Status: 200, Bytes: 123456, Coding: "br", Age: 75, Fresh: -15, Hits: 1, Complete: true, Tier: "memory", ETag: `W/"1"`, Tags: []string{"a", "b"}},
			Freshness: []string{"lifetime 60s, from max-age", "age 75s"}, Stored: "storable",
		}, `cache      hit-stale: grace
    policy     tenant "shop"
    store      main, partition tenant/shop
    key        http://shop.example/a | group=b
    variant    Accept-Encoding: br (3 under this key)
    object     200, 120.6 KiB, br, ETag W/"1", 1 hit, in memory, age 1m15s, stale for 15s
    tags       a b
    freshness  lifetime 60s, from max-age
               age 75s
    stored     storable
`},
		{"part on disk", proxy.CacheWord{State: "hit", Why: "fresh", Object: &proxy.CacheObject{Status: 206, Bytes: 10, Fresh: 0.25, Tier: "disk"}}, `cache      hit: fresh
    object     206, 10 bytes, 0 hits, on disk, not complete, age 0s, fresh for another 300ms
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			cacheWord(&b, &c.word)
			if d := cmp.Diff(c.want, b.String()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPrintCacheStatus(t *testing.T) {
	var b bytes.Buffer
	tab := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	head := func(columns ...string) { _, _ = tab.Write([]byte("\n" + strings.Join(columns, "\t") + "\n")) }
	cacheStatus(tab, head, nil)
	cacheStatus(tab, head, &admin.CacheStatus{
		Stores: []admin.StoreStatus{
			{Name: "main", Objects: 5, Bytes: 1 << 20, Limit: 64 << 20, Evicted: 7, Bans: 1},
			{Name: "disk", Disk: &admin.DiskStatus{Objects: 9, Bytes: 3 << 30, Limit: 20 << 30}},
		},
		Partitions: []admin.PartitionStatus{
			{Name: "tenant/shop", Objects: 5, Bytes: 1 << 20, Quota: 8 << 20, Requests: map[string]int64{"hit": 5, "hit-stale": 1, "miss": 2, "bypass": 3}},
			{Name: "vhost/any"},
		},
	})
	if err := tab.Flush(); err != nil {
		t.Fatal(err)
	}
	want := `
CACHE  OBJECTS  MEMORY   OF        EVICTED  BANS  DISK     OF        ON DISK
main   5        1.0 MiB  64.0 MiB  7        1     -        -         -
disk   0        0 bytes  0 bytes   0        0     3.0 GiB  20.0 GiB  9, index is being read

PARTITION    OBJECTS  MEMORY   QUOTA    REQUESTS  HITS  MISSES  BYPASSED  HIT RATE
tenant/shop  5        1.0 MiB  8.0 MiB  11        6     2       3         75.0%
vhost/any    0        0 bytes  -        0         0     0       0         -
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}
