package filter

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"fishplate/internal/records"
)

// TestRatesAreHandedOver: who has spent a rate in one process has spent it in the
// next, and nobody else.
func TestRatesAreHandedOver(t *testing.T) {
	old, now := NewRates(0), time.Now()
	l := &RateLimit{cost: int64(time.Minute), burst: 2 * int64(time.Minute)}
	for i := range 1000 {
		key := fmt.Append(nil, "spent", i)
		for range 2 {
			if ok, _ := old.Allow(l, key, now); !ok {
				t.Fatal("refused")
			}
		}
	}
	var b bytes.Buffer
	w := records.NewWriter(&b, "rates", 1)
	if err := old.Save(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	load := func(text []byte, keys int) (*Rates, error) {
		r := NewRates(keys)
		in, err := records.NewReader(bytes.NewReader(text), "rates", 1, RatesLongest)
		if err == nil {
			err = r.Load(in)
		}
		return r, err
	}
	next, err := load(b.Bytes(), 0)
	if err != nil || next.Len() != 1000 {
		t.Fatal(next.Len(), err)
	}
	for i := range 1000 {
		if ok, after := next.Allow(l, fmt.Append(nil, "spent", i), now); ok || after != time.Minute {
			t.Fatalf("key %d: %v, after %v", i, ok, after)
		}
		if ok, _ := next.Allow(l, fmt.Append(nil, "fresh", i), now); !ok {
			t.Fatal("a key that was never used is refused")
		}
	}
	if small, err := load(b.Bytes(), rateShards); err != nil || small.Len() > rateShards {
		t.Errorf("%d buckets in room for %d: %v", small.Len(), rateShards, err)
	}
	for _, n := range []int{0, b.Len() / 2, b.Len() - 1} {
		if r, err := load(b.Bytes()[:n], 0); err == nil || r.Len() != 0 {
			t.Errorf("of %d bytes %d buckets were taken: %v", n, r.Len(), err)
		}
	}
}
