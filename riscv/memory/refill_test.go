package memory

import (
	"math/rand/v2"
	"testing"
)

// TestRefill changes pages in few and in many places and makes them as they
// were, in the way for a few pages and in that for many.
func TestRefill(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var data [PageSize]byte
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	for _, n := range []int{1, 100} {
		refill := refiller(n)
		for at := range PageSize {
			// The neighbours show whether anything is written outside the page.
			around := [3][PageSize]byte{1: data}
			around[1][at] ^= 1 << r.IntN(8)
			for range at % 50 {
				around[1][r.IntN(PageSize)] = byte(r.Uint32())
			}
			refill(&around[1], &data)
			if around != [3][PageSize]byte{1: data} {
				t.Fatalf("one of %d pages, byte %d: the page is not as it was", n, at)
			}
		}
	}
}

func BenchmarkRefill(b *testing.B) {
	const pages = 16
	var page, data [pages][PageSize]byte
	for _, way := range []struct {
		name   string
		refill func(page, data *[PageSize]byte)
	}{{"plainly", refillPlainly}, {"changes", refiller(pages)}} {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				for i := range pages {
					page[i][100] = 1
					way.refill(&page[i], &data[i])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*pages), "ns/page")
		})
	}
}
