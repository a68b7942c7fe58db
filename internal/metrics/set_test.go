package metrics

import (
	"sync"
	"testing"
)

func TestSetSumsOverShards(t *testing.T) {
	s := NewSet(11)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			shard := Shard(w)
			for range 1000 {
				s.Add(shard, 0, 1)
				s.Add(shard, 10, 2)
				s.Add(shard, 5, -1)
			}
		})
	}
	wg.Wait()
	for i, want := range map[int]int64{0: 8000, 10: 16000, 5: -8000, 1: 0} {
		if got := s.Value(i); got != want {
			t.Errorf("counter %d is %d, want %d", i, got, want)
		}
	}
	if s.Len() != 11 {
		t.Errorf("length %d", s.Len())
	}
}

func BenchmarkAdd(b *testing.B) {
	s := NewSet(4)
	b.RunParallel(func(pb *testing.PB) {
		shard := NewShard()
		for pb.Next() {
			s.Add(shard, 1, 1)
		}
	})
}
