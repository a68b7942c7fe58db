package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStalls(t *testing.T) {
	begin := time.Now()
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	d := &diary{begin: begin}
	d.events = []event{{"change", at(20), at(25)}, {"kill", at(95), at(600)}, {"change", at(500), at(510)}}
	d.took("post", at(40), at(49)) // as quick as it should be
	d.took("short", at(520), at(535))
	d.took("keep-alive", at(130), at(180))
	d.took("keep-alive", at(100), at(140))
	want := []Stall{
		{At: 100, Length: 80, Worst: 50, Requests: map[string]int{"keep-alive": 2}, Events: []string{"change -80…-75", "kill -5…+500"}},
		{At: 520, Length: 15, Worst: 15, Requests: map[string]int{"short": 1}, Events: []string{"kill -425…+80", "change -20…-10"}},
	}
	if diff := cmp.Diff(want, d.stalls(5, 100*time.Millisecond)); diff != "" {
		t.Error(diff)
	}
	if got := d.stalls(1, 0); len(got) != 1 || got[0].At != 100 || len(got[0].Events) != 1 {
		t.Errorf("the worst: %v", got)
	}
}
