package show

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/admin"
)

func TestRates(t *testing.T) {
	at := time.Now()
	one := func(name string, requests, errors float64) admin.Counters {
		return admin.Counters{Subject: "vhost", Labels: []string{name}, Values: map[string]float64{
			"fishplate_vhost_requests_total": requests, "fishplate_vhost_responses_total{5xx}": errors,
			"fishplate_vhost_sent_bytes_total": requests * 100,
		}}
	}
	before := Sight{at, []admin.Counters{one("a", 100, 1), one("b", 10, 0), one("began anew", 50, 0)}}
	after := Sight{at.Add(2 * time.Second), []admin.Counters{one("a", 104, 2), one("b", 30, 0), one("c", 6, 0), one("began anew", 4, 0)}}
	want := []Rate{
		{name: "b", requests: 10, out: 1000},
		{name: "c", requests: 3, out: 300},
		{name: "a", requests: 2, errors: 0.5, out: 200},
		{name: "began anew"},
	}
	if d := cmp.Diff(want, Rates(before, after, "vhost"), cmp.AllowUnexported(Rate{})); d != "" {
		t.Error(d)
	}
	var b bytes.Buffer
	if err := RateTable(&b, "vhost", want, 2); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(lines) != 4 || !strings.HasSuffix(lines[3], "(all)") || !strings.Contains(lines[3], "15.0") {
		t.Errorf("table:\n%s", b.String())
	}
}
