package disk

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"fishplate/internal/cache/store"
)

// million is how many objects the benchmarks have on the disk: key texts of
// about 40 bytes, bodies of 1 KiB, two tags; tag "tenth" has a tenth of them.
const million = 1_000_000

func millionKey(i int) string { return fmt.Sprintf("http://www.example.org/items/%07d", i) }

// benchTier returns a tier with a million objects.
func benchTier(b *testing.B) Options {
	b.Helper()
	o := Options{Path: filepath.Join(b.TempDir(), "cache"), Size: 8 << 30}
	m := newMemory(b)
	d := openTier(b, o)
	data := make([]byte, 1024)
	start := time.Now()
	for i := range million {
		if i%2000 == 0 {
			flush(b, d)
		}
		tags := []string{fmt.Sprint("item-", i), "most"}
		if i%10 == 0 {
			tags[1] = "tenth"
		}
		x := thing{key: millionKey(i), tags: tags, data: data}
		for !m.offer(b, d, "p", x) {
			flush(b, d)
		}
	}
	flush(b, d)
	b.Logf("wrote %d objects in %v; %+v", million, time.Since(start), d.Stats())
	closeTier(b, d)
	return o
}

// BenchmarkMillion measures what a million objects cost: the start until the
// first hit and until all is counted, hits, misses and purges.
func BenchmarkMillion(b *testing.B) {
	o := benchTier(b)
	for range 3 {
		start := time.Now()
		d := openTier(b, o)
		benchGet(b, d, millionKey(123456), true)
		serving := time.Since(start)
		<-d.loaded
		b.Logf("start: first hit after %v, %d objects counted after %v", serving, d.Stats().Objects, time.Since(start))
		closeTier(b, d)
	}
	d := openTier(b, o)
	defer d.Close()
	<-d.loaded
	b.Run("hit", func(b *testing.B) {
		for i := range b.N {
			benchGet(b, d, millionKey(i*7919%million), true)
		}
	})
	b.Run("miss", func(b *testing.B) {
		for i := range b.N {
			benchGet(b, d, millionKey(million+i), false)
		}
	})
	b.Run("purge-one", func(b *testing.B) {
		for i := range b.N {
			if _, err := d.Purge(context.Background(), All, Tag(fmt.Append(nil, "item-", 1+i*10)), false); err != nil {
				b.Fatal(err)
			}
		}
	})
	start := time.Now()
	n, err := d.Purge(context.Background(), All, Tag([]byte("tenth")), true)
	b.Logf("soft purge of %d in %v, %v", n, time.Since(start), err)
	start = time.Now()
	n, err = d.Purge(context.Background(), All, Tag([]byte("tenth")), false)
	b.Logf("purge of %d in %v, %v", n, time.Since(start), err)
}

func benchGet(b *testing.B, d *Tier, key string, want bool) {
	f, err := d.Get(context.Background(), "p", []byte(key), func(*store.Meta, []byte) bool { return true })
	if err != nil || (f != nil) != want {
		b.Fatalf("%s: %v %v", key, f, err)
	}
	if f != nil {
		f.Close()
	}
}
