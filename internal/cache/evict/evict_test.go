package evict

import (
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// table is nodes on the Go heap.
type table struct {
	nodes []Node
	used  map[uint32]bool
}

func (t *table) Node(id uint32) *Node { return &t.nodes[id] }
func (t *table) Claim(id uint32) bool { return !t.used[id] }

func newTable(n int) *table { return &table{nodes: make([]Node, n+1), used: map[uint32]bool{}} }

func TestUsedTwiceStays(t *testing.T) {
	nodes := newTable(4)
	var s S3
	for id := uint32(1); id <= 4; id++ {
		Insert(&s, nodes, id, 1, false)
	}
	nodes.Node(1).Touch()
	nodes.Node(1).Touch()
	for want := uint32(2); want <= 4; want++ {
		if id, young := Evict(&s, nodes); id != want || !young {
			t.Fatalf("evicted %d (young %v), want %d", id, young, want)
		}
	}
	if id, young := Evict(&s, nodes); id != 1 || young {
		t.Errorf("evicted %d (young %v) last, want 1 from the main queue", id, young)
	}
}

func TestInUseIsPassedOver(t *testing.T) {
	nodes := newTable(3)
	var s S3
	for id := uint32(1); id <= 3; id++ {
		Insert(&s, nodes, id, 1, id == 2)
	}
	nodes.used = map[uint32]bool{1: true, 2: true}
	if id, _ := Evict(&s, nodes); id != 3 {
		t.Errorf("evicted %d, want 3", id)
	}
	if id, _ := Evict(&s, nodes); id != 0 {
		t.Errorf("evicted %d, want none", id)
	}
}

// TestQueuesLikeASet runs random histories: what is queued is what was inserted
// and neither removed nor evicted, and the sums are right.
func TestQueuesLikeASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 30
		nodes := newTable(n)
		var s S3
		live := map[uint32]uint32{}
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				id := rapid.Uint32Range(1, n).Draw(t, "id")
				if live[id] != 0 {
					return
				}
				live[id] = rapid.Uint32Range(1, 100).Draw(t, "cost")
				Insert(&s, nodes, id, live[id], rapid.Bool().Draw(t, "remembered"))
			},
			"touch": func(t *rapid.T) { nodes.Node(rapid.Uint32Range(1, n).Draw(t, "id")).Touch() },
			"use": func(t *rapid.T) {
				id := rapid.Uint32Range(1, n).Draw(t, "id")
				nodes.used[id] = !nodes.used[id]
			},
			"remove": func(t *rapid.T) {
				id := rapid.Uint32Range(1, n).Draw(t, "id")
				Remove(&s, nodes, id)
				delete(live, id)
			},
			"evict": func(t *rapid.T) {
				id, _ := Evict(&s, nodes)
				if id != 0 {
					if live[id] == 0 || nodes.used[id] {
						t.Fatalf("evicted %d: live %v, in use %v", id, live[id] != 0, nodes.used[id])
					}
					delete(live, id)
					return
				}
				for id := range live {
					if !nodes.used[id] {
						t.Fatalf("evicted none, but %d is free", id)
					}
				}
			},
			"": func(t *rapid.T) {
				var want int64
				for _, cost := range live {
					want += int64(cost)
				}
				count, cost := Walk(&s, nodes, func(id uint32) {
					if live[id] == 0 {
						t.Fatalf("%d is queued", id)
					}
				})
				if count != len(live) || cost != want || s.Len() != count || s.Cost() != cost {
					t.Fatalf("%d objects of %d (says %d of %d), want %d of %d", count, cost, s.Len(), s.Cost(), len(live), want)
				}
			},
		})
	})
}

func TestGhost(t *testing.T) {
	slots := make([]atomic.Uint64, 1024)
	var g Ghost
	g.SetSpan(100)
	hash := func(i uint64) uint64 { return (i + 1) * 0x9e3779b97f4a7c15 }
	for i := range uint64(300) {
		g.Add(slots, hash(i))
	}
	for i := uint64(210); i < 300; i++ {
		if !g.Take(slots, hash(i)) {
			t.Errorf("%d is forgotten", i)
		}
		if g.Take(slots, hash(i)) {
			t.Errorf("%d is remembered twice", i)
		}
	}
	for i := range uint64(190) {
		if g.Take(slots, hash(i)) {
			t.Errorf("%d is remembered", i)
		}
	}
}
