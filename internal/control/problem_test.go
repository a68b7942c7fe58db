package control

import "testing"

// TestUnsaid: a warning is told as often as it is new, wherever it stands.
func TestUnsaid(t *testing.T) {
	twice := Problem{File: "site.hcl", Line: 3, Summary: `backend "app" has the address "10.0.0.1:80" twice`}
	hidden := Problem{Summary: `route "b" is never reached`, Detail: `Route "a" at site.hcl:12 matches everything.`}
	s := &state{noted: []Problem{twice}, prepared: []Problem{hidden}}
	moved, third, other, behind := twice, twice, twice, hidden
	moved.File, moved.Line = "change 9", 30
	other.Summary = `backend "app" has the address "10.0.0.1:81" twice`
	behind.Detail = `Route "a" at change 9, line 40 matches everything.`
	got := s.unsaid([]Problem{moved, behind, third, other})
	if len(got) != 2 || got[0] != third || got[1] != other {
		t.Errorf("%v", got)
	}
	if got := (*state)(nil).unsaid([]Problem{moved}); len(got) != 1 {
		t.Errorf("before anything runs: %v", got)
	}
	if got, want := moved.String(), `change 9, line 30: backend "app" has the address "10.0.0.1:80" twice`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
