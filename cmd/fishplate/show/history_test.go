package show

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"fishplate/internal/control"
)

// TestTrialText: a share is told as it was asked for, without the digits that only a
// product of floats has.
func TestTrialText(t *testing.T) {
	var b bytes.Buffer
	err := History(&b, []control.Entry{{ID: 2, Canary: &control.Trial{Share: 0.07, Until: "errors < 1%"}}})
	if err == nil {
		err = canary(&b, &control.Ongoing{Change: 2, Share: 0.29, Deadline: time.Now().Add(time.Minute)})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"[7% until errors < 1%]", "tried with 29% of the clients"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
}
