package main

import (
	"math"
	"math/rand/v2"
	"sort"
)

// objects is how many a generated trace has in its popular part.
const objects = 200_000

var generators = []struct {
	name, title string
	make        func(n int) []request
}{
	{"zipf0.6", "popularity by rank^-0.6", func(n int) []request { return zipf(n, 0.6) }},
	{"zipf0.8", "popularity by rank^-0.8", func(n int) []request { return zipf(n, 0.8) }},
	{"zipf1.0", "popularity by rank^-1.0", func(n int) []request { return zipf(n, 1.0) }},
	{"zipf1.2", "popularity by rank^-1.2", func(n int) []request { return zipf(n, 1.2) }},
	{"scan", "rank^-0.9, and every tenth request one of a crawler that asks for everything once", scan},
	{"loop", "the same 60,000 objects over and over, and a third rank^-0.9", loop},
	{"churn", "rank^-0.9, and the popular ones change: each 50 requests a new object becomes the most popular", churn},
	{"sizes", "rank^-0.9, sizes lognormal with a median of 6 KiB, as web pages have them", sizes},
}

// ranks draws ranks with a probability of (rank+1)^-alpha.
type ranks struct {
	sum []float64
	r   *rand.Rand
}

func newRanks(n int, alpha float64) *ranks {
	s := &ranks{sum: make([]float64, n), r: rand.New(rand.NewPCG(1, 2))}
	total := 0.0
	for i := range s.sum {
		total += math.Pow(float64(i+1), -alpha)
		s.sum[i] = total
	}
	return s
}

func (s *ranks) next() uint32 {
	return uint32(sort.SearchFloat64s(s.sum, s.r.Float64()*s.sum[len(s.sum)-1]))
}

func zipf(n int, alpha float64) []request {
	s := newRanks(objects, alpha)
	list := make([]request, n)
	for i := range list {
		list[i] = request{s.next(), 1}
	}
	return list
}

func scan(n int) []request {
	s := newRanks(objects, 0.9)
	list := make([]request, n)
	fresh := uint32(objects)
	for i := range list {
		if i%10 == 0 {
			list[i] = request{fresh, 1}
			fresh++
			continue
		}
		list[i] = request{s.next(), 1}
	}
	return list
}

func loop(n int) []request {
	s := newRanks(objects, 0.9)
	list := make([]request, n)
	at := uint32(0)
	for i := range list {
		if i%3 == 0 {
			list[i] = request{s.next(), 1}
			continue
		}
		list[i] = request{objects + at, 1}
		at = (at + 1) % 60_000
	}
	return list
}

// churn gives ranks to a window of keys that moves: rank 0 is the newest key.
func churn(n int) []request {
	s := newRanks(objects, 0.9)
	list := make([]request, n)
	newest := uint32(objects)
	for i := range list {
		if i%50 == 0 {
			newest++
		}
		list[i] = request{newest - s.next(), 1}
	}
	return list
}

func sizes(n int) []request {
	list := zipf(n, 0.9)
	size := make([]uint32, objects)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range size {
		size[i] = uint32(min(6144*math.Exp(1.5*r.NormFloat64()), 50<<20)) + 1
	}
	for i := range list {
		list[i].size = size[list[i].key]
	}
	return list
}
