package admin

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/metrics"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-update rewrites it):\n%s", path, d)
	}
}

// ours scrapes and returns the lines of our own families.
func ours(t *testing.T, h http.Handler) string {
	t.Helper()
	w := newRecorder()
	r, _ := http.NewRequest("GET", "/metrics", nil)
	h.ServeHTTP(w, r)
	if w.status != 200 {
		t.Fatalf("status %d: %s", w.status, w.body.String())
	}
	var b strings.Builder
	for line := range strings.Lines(w.body.String()) {
		if strings.Contains(line, "fishplate_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// everything returns one Reading of each table with distinct values.
func everything() []metrics.Reading {
	var list []metrics.Reading
	for _, table := range metrics.Tables() {
		set := table.New()
		for i := range set.Len() {
			set.Add(metrics.Shard(i), i, int64(i+1)*1000)
		}
		values := make([]string, len(table.Labels))
		for i, l := range table.Labels {
			values[i] = "the-" + l
		}
		list = append(list, metrics.Reading{Table: table, Values: values, Set: set})
	}
	return list
}

// TestScrapeGolden pins names, labels, types and units of all metrics.
func TestScrapeGolden(t *testing.T) {
	words := metrics.NewWords(2)
	for _, w := range []string{"bad-host", "reset", "reset", "x", "y"} {
		words.Add(w)
	}
	h := newScrape(Options{
		Version: "v1", Budget: 10, Readings: everything,
		Words: func() []metrics.WordReading { return []metrics.WordReading{{Table: &metrics.Faults, Words: words}} },
	})
	golden(t, "metrics.txt", []byte(ours(t, h)))
}

// TestBudgetIsExact names few routes and sums the others, while routes come,
// count and go: the sum over all series never loses a count and never falls.
func TestBudgetIsExact(t *testing.T) {
	var list []metrics.Reading
	add := func(name string) *metrics.Set {
		set := metrics.Route.New()
		list = append(list, metrics.Reading{Table: &metrics.Route, Values: []string{"v", name}, Set: set})
		return set
	}
	sets := []*metrics.Set{}
	for i := range 5 {
		sets = append(sets, add(fmt.Sprint("r", i)))
	}
	h := newScrape(Options{Budget: 2, Readings: func() []metrics.Reading { return list }})
	for i, s := range sets {
		s.Add(0, metrics.RouteRequests, int64(10*(i+1)))
	}
	value := func(route string) (n int) {
		for line := range strings.Lines(ours(t, h)) {
			vhost := "v"
			if route == metrics.Other {
				vhost = metrics.Other
			}
			prefix := fmt.Sprintf("fishplate_route_requests_total{route=%q,vhost=%q} ", route, vhost)
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				fmt.Sscan(rest, &n)
			}
		}
		return n
	}
	check := func(route string, want int) {
		t.Helper()
		if got := value(route); got != want {
			t.Errorf("%s: %d, want %d", route, got, want)
		}
	}
	check("r0", 10)
	check("r1", 20)
	check("r2", 0)
	check(metrics.Other, 30+40+50)
	list = append(list[:3:3], list[4]) // r3 vanishes, its 40 stay counted
	check(metrics.Other, 30+40+50)
	sets[2].Add(0, metrics.RouteRequests, 5)
	check(metrics.Other, 35+40+50)
	list = list[1:] // r0 was named: its place is free for a new one
	add("r9").Add(0, metrics.RouteRequests, 7)
	check("r9", 7)
	check("r0", 0)
	check(metrics.Other, 35+40+50)
}

func TestGaugesOfTheGoneAreNotKept(t *testing.T) {
	set := metrics.Tenant.New()
	set.Add(0, metrics.TenantActive, 3)
	set.Add(0, metrics.TenantRequests, 8)
	filler := metrics.Reading{Table: &metrics.Tenant, Values: []string{"a"}, Set: metrics.Tenant.New()}
	list := []metrics.Reading{filler, {Table: &metrics.Tenant, Values: []string{"b"}, Set: set}}
	h := newScrape(Options{Budget: 1, Readings: func() []metrics.Reading { return list }})
	text := ours(t, h)
	if !strings.Contains(text, `fishplate_tenant_active{tenant="other"} 3`) {
		t.Errorf("the gauge of the rest is missing:\n%s", text)
	}
	list = list[:1]
	text = ours(t, h)
	if !strings.Contains(text, `fishplate_tenant_active{tenant="other"} 0`) || !strings.Contains(text, `fishplate_tenant_requests_total{tenant="other"} 8`) {
		t.Errorf("after it went:\n%s", text)
	}
}

func TestFlatten(t *testing.T) {
	set := metrics.VHost.New()
	set.Add(0, metrics.VHostRequests, 3)
	set.Add(0, metrics.VHostResponses+metrics.Class(503), 1)
	set.Observe(0, metrics.VHostDuration, time.Second)
	got := flatten([]metrics.Reading{{Table: &metrics.VHost, Values: []string{"shop"}, Set: set}})
	if len(got) != 1 || got[0].Subject != "vhost" || got[0].Labels[0] != "shop" {
		t.Fatalf("got %+v", got)
	}
	for name, want := range map[string]float64{
		"fishplate_vhost_requests_total": 3, "fishplate_vhost_responses_total{5xx}": 1,
		"fishplate_vhost_duration_seconds{count}": 1, "fishplate_vhost_duration_seconds{sum}": 1,
	} {
		if v := got[0].Values[name]; v != want {
			t.Errorf("%s = %v, want %v", name, v, want)
		}
	}
}

func TestStream(t *testing.T) {
	w := newRecorder()
	s := newStream(flusher{w})
	if err := s.send("n", []byte("a\nb")); err != nil {
		t.Fatal(err)
	}
	if err := s.finish(fmt.Errorf("late")); err != nil {
		t.Fatal(err)
	}
	want := "event: n\ndata: a\ndata: b\n\nevent: error\ndata: late\n\n"
	if !bytes.Equal(w.body.Bytes(), []byte(want)) || w.head.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%q", w.body.String())
	}
}

type flusher struct{ *recorder }

func (flusher) Flush() {}
