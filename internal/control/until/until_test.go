package until

import "testing"

func TestUntil(t *testing.T) {
	for _, text := range []string{"", "errors", "errors < 1", "errors = 1%", "p99 < 1", "requests > x", "speed > 1", "errors < 1% &&", "errors < NaN%", "p99 < -1s", "requests >= -1"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
	terms, err := Parse("errors <= 1% && p99 < 250ms && requests >= 100")
	if err != nil || len(terms) != 3 {
		t.Fatal(terms, err)
	}
	for _, tt := range []struct {
		o            Outcomes
		end          bool
		decided, all bool
	}{
		{Outcomes{100, 1, 249}, true, true, true},
		{Outcomes{100, 2, 249}, true, true, false},
		{Outcomes{100, 1, 250}, true, true, false},
		{Outcomes{99, 0, 1}, true, true, false},
		{Outcomes{99, 0, 1}, false, false, false},
		{Outcomes{99, 0, 300}, false, true, false},
	} {
		if decided, all, why := Verdict(terms, tt.o, tt.end); decided != tt.decided || all != tt.all {
			t.Errorf("%+v: %v %v %s", tt, decided, all, why)
		}
	}
}
