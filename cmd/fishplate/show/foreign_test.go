package show

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"fishplate/internal/admin"
	"fishplate/internal/control"
	"fishplate/internal/proxy"
	"fishplate/internal/tenant"
)

// foreign is what somebody else may have chosen: it clears the screen, begins
// another line and another column, and turns the direction of the rest.
const foreign = "a\x1b[2J\nfishplate: ok\tb\u202e\u009b"

// TestForeignText: nothing that is shown drives the terminal, and no name makes a
// line of its own.
func TestForeignText(t *testing.T) {
	now := time.Now()
	for name, show := range map[string]func(w io.Writer) error{
		"status": func(w io.Writer) error {
			return Status(w, &admin.Status{
				Version: foreign, Path: foreign, Listeners: []admin.ListenerStatus{{Name: foreign, Bind: []string{foreign}, Failed: []string{foreign}}},
				VHosts:   []admin.VHostStatus{{Name: foreign, Hosts: []string{foreign}, Tenant: foreign}},
				Backends: []admin.BackendStatus{{Name: foreign, Servers: []admin.ServerStatus{{Name: foreign, Address: foreign, State: foreign, DrainingSince: &now}}}},
				Tenants:  []admin.TenantStatus{{Name: foreign, State: foreign}}, Checks: []admin.CheckStatus{{ID: foreign, Status: foreign, Text: foreign}},
				Cache:  &admin.CacheStatus{Stores: []admin.StoreStatus{{Name: foreign}}, Partitions: []admin.PartitionStatus{{Name: foreign}}},
				Canary: &control.Ongoing{Conditions: []control.Condition{{Text: foreign, Now: foreign}}}, Draining: []admin.DrainStatus{{Part: foreign}},
			})
		},
		"history": func(w io.Writer) error {
			return History(w, []control.Entry{{Author: foreign, Source: foreign, State: foreign, Comment: foreign, Why: foreign, Unmet: []control.Problem{{Summary: foreign}}, Canary: &control.Trial{Until: foreign, Why: foreign}}})
		},
		"plan": func(w io.Writer) error {
			return Changes(w, control.Plan{Changes: []control.Change{
				{Kind: foreign, Key: foreign, Action: "add", Fields: []control.Field{{Name: foreign, New: foreign}}},
				{Kind: "server", Key: "a", Action: "change", Fields: []control.Field{{Name: foreign, Old: foreign, New: foreign}}, Impact: control.Impact{Text: foreign}},
			}})
		},
		"explain": func(w io.Writer) error {
			return Explanation(w, &proxy.Explanation{VHost: foreign, Route: foreign, Answer: foreign, Tenant: foreign, Server: foreign, Cache: proxy.CacheWord{State: foreign, Key: foreign, Freshness: []string{foreign, foreign}}})
		},
		"top": func(w io.Writer) error { return RateTable(w, "vhost", []Rate{{name: foreign}}, 0) },
		"cache": func(w io.Writer) error {
			return CacheList(w, &admin.CacheList{Cursor: foreign, Objects: []admin.CacheObject{{State: foreign, Tier: foreign, Partition: foreign, Coding: foreign, URL: foreign}}})
		},
		"cache show": func(w io.Writer) error {
			return CacheShow(w, &admin.CacheShow{Key: "GET", Store: foreign, Partition: foreign, Outcome: foreign, Why: foreign, Variants: []admin.CacheVariant{{CacheObject: admin.CacheObject{State: foreign, Tier: foreign, Vary: foreign, Tags: []string{foreign}}, Head: [][2]string{{foreign, foreign}}}}})
		},
		"cache stat": func(w io.Writer) error {
			return CacheStat(w, &admin.CacheStat{Partitions: []admin.PartitionStatus{{Name: foreign}}})
		},
		"tenants": func(w io.Writer) error {
			return Tenants(w, []tenant.Status{{Name: foreign, State: foreign, Hash: foreign}})
		},
		"tenant": func(w io.Writer) error {
			return Tenant(w, &admin.TenantView{
				Status:   tenant.Status{Name: foreign, State: foreign, Error: foreign, Program: foreign, RegexFallbacks: []string{foreign}},
				Versions: []tenant.Version{{Hash: foreign, Source: foreign, Author: foreign, Comment: foreign}},
			})
		},
		"line": func(w io.Writer) error { return Line(w, &tenant.Line{Level: foreign, Text: foreign}) },
		"records": func(w io.Writer) error {
			return Records(w, []tenant.RecordInfo{{ID: foreign, Cause: foreign, Program: foreign, Target: foreign}})
		},
	} {
		var b bytes.Buffer
		if err := show(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(b.String(), "a\uFFFD[2J ") {
			t.Errorf("%s does not show it:\n%q", name, &b)
		}
		bare(t, name, b.String())
		if strings.Contains(b.String(), "\nfishplate: ok") {
			t.Errorf("%s: a name made a line:\n%s", name, &b)
		}
	}
	var b bytes.Buffer
	if Problems(&b, []control.Problem{{Text: foreign + "\n"}, {Summary: foreign}}, nil); strings.Count(b.String(), "\n") != 4 {
		t.Errorf("a problem has its lines: %q", &b)
	}
	if err := Shadow(&b, &tenant.ShadowReport{Differences: []tenant.Difference{{Target: foreign, What: foreign, Real: foreign, Candidate: foreign}}}); err != nil {
		t.Fatal(err)
	}
	bare(t, "problems", b.String())
}

// bare expects a text without a character that drives a terminal.
func bare(t *testing.T, name, text string) {
	t.Helper()
	for i, r := range text {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			t.Errorf("%s shows %q: %q", name, r, text[max(0, i-20):i+len(string(r))])
			return
		}
	}
}
