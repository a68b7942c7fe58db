package show

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/control"
)

func TestPrintChanges(t *testing.T) {
	p := control.Plan{Generation: 3, Changes: []control.Change{
		{Kind: "server", Key: "app/b", Action: "add", Fields: []control.Field{{Name: "address", New: "10.0.0.2:80"}, {Name: "weight", New: "5"}, {Name: "zone", New: strings.Repeat("z", 90)}}, Impact: control.Impact{Text: "used at once"}},
		{Kind: "server", Key: "app/a", Action: "remove", Fields: []control.Field{{Name: "weight", Old: "1"}}, Impact: control.Impact{Numbers: control.Numbers{Connections: 3, Sessions: 12}, Text: "requests finish"}},
		{Kind: "backend", Key: "app", Action: "change", Fields: []control.Field{{Name: "balance", Old: "random", New: "first"}, {Name: "check", Old: "on"}, {Name: "check.fall", Old: "3"}, {Name: "grace", Old: "1m"}}, Impact: control.Impact{Numbers: control.Numbers{Objects: 1}, Stays: control.Stays{Connections: 2}, Text: "kept"}},
	}}
	var b bytes.Buffer
	if err := Changes(&b, p); err != nil {
		t.Fatal(err)
	}
	want := `+ server "app/b"
    address: 10.0.0.2:80; weight: 5;
    zone: ` + strings.Repeat("z", 90) + `
    → used at once
- server "app/a"
    → 3 connections, 12 pinned sessions: requests finish
~ backend "app"
    balance: random → first
    check: on → (none)
    grace: 1m → (none)
    → 1 cached object: kept
    = 2 connections stay
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}
