package esi

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestPlan is the property that a page read by its plan yields what the parser
// did.
func TestPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments()), 0, 30).Draw(t, "page"), ""))
		var p Parser
		p.Reset(Options{})
		var planner Planner
		planner.Reset()
		var e Event
		p.Feed(page)
		for p.Next(&e) {
			planner.Add(&e)
		}
		p.Finish()
		for p.Next(&e) {
			planner.Add(&e)
		}
		want, _, _ := read(Options{}, page, whole)
		plan := planner.Plan(int64(len(page)))
		if plan == nil {
			if len(page) > 0 && want != fmt.Sprintf("text %q\n", page) {
				t.Fatalf("%q has no plan, and becomes %s", page, want)
			}
			return
		}
		var w writer
		c := plan.Cursor()
		for c.Next(&e) {
			if e.Kind == Text {
				e.Text = page[e.At : e.At+e.Len]
			}
			w.event(page, &e)
		}
		if got := w.text(); got != want || c.Err() != nil {
			t.Fatalf("%q: %v\nparser: %s\nplan:   %s", page, c.Err(), want, got)
		}
	})
}

func FuzzPlan(f *testing.F) {
	f.Add([]byte{planVersion, byte(Include), 0, 23, 2, '/', 'a'})
	f.Add([]byte{planVersion, byte(Text), 1, 2, byte(Include) | planAlt, 0, 1, 1, 'a', 1, 'b'})
	f.Fuzz(func(t *testing.T, table []byte) {
		c := Plan(table).Cursor()
		var e Event
		at := int64(0)
		for c.Next(&e) {
			if e.At < at || e.Len < 0 {
				t.Fatalf("event at %d behind %d", e.At, at)
			}
			at = e.At + e.Len
		}
		if err := c.Err(); err != nil && !errors.Is(err, ErrPlan) {
			t.Fatal(err)
		}
	})
}
