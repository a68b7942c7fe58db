package proxy

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// crowded compiles a generation of many virtual hosts with one route each.
func crowded(tb testing.TB, id uint64, vhosts int, old *Generation, estate *Estate) *Generation {
	tb.Helper()
	cfg := &model.Config{}
	for i := range vhosts {
		name := fmt.Sprintf("v%d", i)
		cfg.VHosts = append(cfg.VHosts, &model.VHost{
			Name: name, Hosts: []string{name + ".example"},
			Routes: []*model.Route{{Name: "all", Respond: &model.Respond{Status: 200, Body: []byte(name)}}},
		})
	}
	g, err := Compile(Parts{ID: id, Config: cfg, Old: old, Estate: estate})
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// TestSwapTakesNoTimeOfItsOwn prints how long a commit's swap takes with 10,000
// virtual hosts: the machine decides that, not the test.
func TestSwapTakesNoTimeOfItsOwn(t *testing.T) {
	estate := NewEstate()
	a := crowded(t, 1, 10_000, nil, estate)
	b := crowded(t, 2, 10_000, a, estate)
	s := &Server{process: metrics.Process.New()}
	took := make([]time.Duration, 1001)
	for i := range took {
		begin := time.Now()
		was := s.Swap([]*Generation{a, b}[i%2])
		took[i] = time.Since(begin)
		if i > 0 && was == s.Current() {
			t.Fatal("nothing was swapped")
		}
	}
	slices.Sort(took)
	t.Logf("swap of 10,000 virtual hosts: median %v, longest of %d %v", took[len(took)/2], len(took), took[len(took)-1])
}

func BenchmarkSwap(b *testing.B) {
	estate := NewEstate()
	first := crowded(b, 1, 10_000, nil, estate)
	second := crowded(b, 2, 10_000, first, estate)
	s := &Server{process: metrics.Process.New()}
	for b.Loop() {
		s.Swap(first)
		s.Swap(second)
	}
}
