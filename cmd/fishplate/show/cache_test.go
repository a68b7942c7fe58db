package show

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/admin"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestPrintCache keeps what ls, show and stat print.
func TestPrintCache(t *testing.T) {
	object := admin.CacheObject{
		URL: "https://shop.example/a\x1b[2J", Key: "https://shop.example/a\x1b[2J\nbeta", Store: "main", Partition: "vhost/shop", Tier: "memory",
		State: "fresh", Status: 200, Size: 20480, Memory: 20900, Age: 3, TTL: 57, Hits: 12, Tags: []string{"cart", "a"}, Coding: "br",
	}
	stale := object
	stale.State, stale.TTL, stale.Tier, stale.Hits, stale.Coding, stale.URL = "grace", -7.25, "memory+disk", 1, "", "http://x/"
	stat := admin.CacheStat{Stores: []admin.CacheStore{{
		StoreStatus: admin.StoreStatus{Name: "main", Objects: 1000, Bytes: 5 << 20, Limit: 64 << 20, Evicted: 3, Disk: &admin.DiskStatus{Path: "/d", Objects: 1, Bytes: 1 << 30, Limit: 2 << 30}},
		Index:       1 << 20, Heads: 1 << 20, Bodies: 2 << 20, Free: 1 << 20, Refused: 2,
		Ages:    []admin.CacheBucket{{Upto: 1}, {Upto: 10, Count: 1}, {Upto: 60, Count: 999}, {Upto: 3600}, {}},
		Sizes:   []admin.CacheBucket{{Upto: 1024, Count: 500}, {Upto: 4096}, {Count: 500}},
		BanList: admin.CacheBans{Active: 2, Limit: 1000, Oldest: 700, Overdue: true, Tests: 40, Matched: 1},
		Counts:  map[string]int64{"hit": 5, "miss": 9, "bypass": 0, "coalesced": 5},
	}, {StoreStatus: admin.StoreStatus{Name: "small"}}}, Partitions: []admin.PartitionStatus{{Name: "vhost/shop", Objects: 4, Bytes: 900, Quota: 1 << 20, Requests: map[string]int64{"hit": 1}}}}
	for name, write := range map[string]func(io.Writer) error{
		"ls": func(w io.Writer) error {
			return CacheList(w, &admin.CacheList{Objects: []admin.CacheObject{object, stale}, Cursor: "12.5", Scanned: 9})
		},
		"ls-none": func(w io.Writer) error { return CacheList(w, &admin.CacheList{Scanned: 9}) },
		"show": func(w io.Writer) error {
			return CacheShow(w, &admin.CacheShow{Key: object.Key, Partition: "vhost/shop", Store: "main", Outcome: "hit", Why: "fresh", Variants: []admin.CacheVariant{
				{CacheObject: object, Selected: true, Arithmetic: []string{"age 3s = now - Date", "fresh for 60s: max-age"}, Head: [][2]string{{"Content-Type", "text/plain"}, {"ETag", `"1"`}}},
				{CacheObject: stale},
			}})
		},
		"show-none": func(w io.Writer) error { return CacheShow(w, &admin.CacheShow{Key: "http://x/"}) },
		"stat":      func(w io.Writer) error { return CacheStat(w, &stat) },
		"stat-none": func(w io.Writer) error { return CacheStat(w, &admin.CacheStat{}) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "cache-"+name+".txt")
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), b.String()); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}
