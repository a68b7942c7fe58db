package doctor

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"fishplate/internal/doctor/apply"
	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCatalogue holds what every row must say.
func TestCatalogue(t *testing.T) {
	seen, form := map[string]bool{}, regexp.MustCompile(`^(virt|cpu|tcp|nic|fw|sys|cfg)\.[a-z0-9]+([-_][a-z0-9]+)*$`)
	for _, r := range Catalogue() {
		if seen[r.ID] {
			t.Errorf("%s: twice", r.ID)
		}
		seen[r.ID] = true
		if !form.MatchString(r.ID) {
			t.Errorf("%s: not an id", r.ID)
		}
		if r.Title == "" || r.Reads == "" || r.Rule == "" || r.Why == "" || r.Severity == "" || r.Scope == "" || r.Path == "" || r.Look == nil {
			t.Errorf("%s: something is not said: %+v", r.ID, r.Check)
		}
		if r.Severity != fact.SevereInfo && len(r.Fix) == 0 {
			t.Errorf("%s: may be bad, and has no way to mend it", r.ID)
		}
		for _, f := range r.Fix {
			if f.Command == "" || f.Who == "" || f.Risk == "" {
				t.Errorf("%s: a fix does not say its command, who or its risk: %+v", r.ID, f)
			}
			if len(f.Set) > 0 && f.Auto == fact.Never {
				t.Errorf("%s: has settings that --fix never writes", r.ID)
			}
			for _, s := range f.Set {
				if !apply.Mendable(s.File) {
					t.Errorf("%s: --fix does not write %s", r.ID, s.File)
				}
			}
		}
	}
}

// TestNothingVisible: of a machine that shows nothing no check may say ok.
func TestNothingVisible(t *testing.T) {
	s, err := see.Fixture(fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{System: s})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Results {
		switch x.Finding.Status {
		case fact.Unknown, fact.Skip:
		default:
			t.Errorf("%s: %s: %s", x.Check.ID, x.Finding.Status, x.Finding.Found)
		}
		if x.Finding.Found == "" {
			t.Errorf("%s: says nothing", x.Check.ID)
		}
	}
}

// TestGarbage: no check breaks at texts that are none, or says ok of them.
func TestGarbage(t *testing.T) {
	empty, err := see.Fixture(fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	for _, junk := range []string{"", "\x00\xff\n", "-1", strings.Repeat("9", 40), "a b c\n1 2\n", ":\n:::\n"} {
		s := see.New(junkFS(junk), empty.Probe)
		r, err := Run(t.Context(), Options{System: s, Before: see.New(junkFS(junk), empty.Probe)})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range r.Results {
			if strings.HasPrefix(x.Finding.Found, "the check itself broke") {
				t.Errorf("%s at %q: %s", x.Check.ID, junk, x.Finding.Found)
			}
		}
	}
}

func TestSelect(t *testing.T) {
	all := len(Catalogue())
	for _, c := range []struct {
		only, skip []string
		want       func(n int) bool
	}{
		{nil, nil, func(n int) bool { return n == all }},
		{[]string{"virt"}, nil, func(n int) bool { return n == 14 }},
		{[]string{"virt.*"}, nil, func(n int) bool { return n == 14 }},
		{[]string{"virt.x*"}, nil, func(n int) bool { return n == 2 }},
		{[]string{"virt"}, []string{"virt.kernel"}, func(n int) bool { return n == 13 }},
		{nil, []string{"virt"}, func(n int) bool { return n == all-14 }},
	} {
		rows, err := Select(c.only, c.skip)
		if err != nil || !c.want(len(rows)) {
			t.Errorf("only %q, skip %q: %d rows, %v", c.only, c.skip, len(rows), err)
		}
	}
	if rows, err := Select([]string{"tcp"}, []string{"tcp.*"}); err == nil {
		t.Errorf("nothing was asked for, and %d rows look", len(rows))
	}
	for _, bad := range []string{"nothing.like", "[", "virt.kernl"} {
		if _, err := Select([]string{bad}, nil); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestInstead: a word that names no check gets the nearest one that does.
func TestInstead(t *testing.T) {
	for word, want := range map[string]string{
		"virt.kernl": "did you mean virt.kernel?", "somaxconn": "did you mean tcp.somaxconn?", "TCP.Somaxcon": "did you mean tcp.somaxconn?",
		"tpc": "--list prints them", "vitr": "--list prints them", "virtt": "did you mean virt?", "": "--list prints them", "nothing.like": "--list prints them", "nonsense": "--list prints them",
	} {
		if got := instead(word, Catalogue()); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s", word, got)
		}
		if _, err := Lookup(word); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", word, err)
		}
	}
}

// TestMeasuredBefore: what was measured before the looks is used, and nothing is
// measured between them.
func TestMeasuredBefore(t *testing.T) {
	s := see.Machine()
	const cost = 12345e-9
	given := map[string]float64{"syscall": cost}
	r, err := Run(t.Context(), Options{System: s, Probe: true, Measured: given, Only: []string{"cpu.syscall-cost", "cpu.crr-floor"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Results {
		known := strings.Contains(x.Finding.Found, "12.3")
		if x.Check.ID == "cpu.syscall-cost" && !known || x.Check.ID == "cpu.crr-floor" && x.Finding.Status == fact.OK {
			t.Errorf("%s: %+v", x.Check.ID, x.Finding)
		}
	}
}

// TestHanging: a check that does not answer is unknown, and the others answer.
func TestHanging(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	rows := []see.Row{
		{Check: fact.Check{ID: "sys.hangs"}, Look: func(*see.View) fact.Finding { <-release; return fact.Say(fact.OK, "") }},
		{Check: fact.Check{ID: "sys.breaks"}, Look: func(*see.View) fact.Finding { panic("no such text") }},
		{Check: fact.Check{ID: "sys.fine"}, Look: func(*see.View) fact.Finding { return fact.Say(fact.OK, "1") }},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r := look(ctx, &see.View{}, rows)
	if r[0].Finding.Status != fact.Unknown || r[1].Finding.Status != fact.Unknown || !strings.Contains(r[1].Finding.Found, "no such text") {
		t.Errorf("%+v", r[:2])
	}
	if s := r[2].Finding.Status; s != fact.OK && s != fact.Unknown {
		t.Errorf("%+v", r[2])
	}
}

// TestOwed: what stands already is not proposed, and something else is.
func TestOwed(t *testing.T) {
	for _, c := range []struct {
		cookies, backlog, id string
		want                 []string
	}{
		{"0", "4096", "tcp.syncookies", []string{"sysctl -w net.ipv4.tcp_syncookies='1'"}},
		{"1", "4096", "tcp.syncookies", []string{"raise accept.backlog of the listener, and fishplate reload", "sysctl -w net.core.somaxconn='65535'"}},
		{"1", "65535", "tcp.syncookies", []string{"raise accept.backlog of the listener, and fishplate reload"}},
		{"1", "4096", "tcp.listen-overflow", []string{"raise the backlog of the listener, and add acceptors", "sysctl -w net.core.somaxconn='65535'"}},
		{"1", "70000", "tcp.listen-overflow", []string{"raise the backlog of the listener, and add acceptors"}},
		{"1", "4096", "tcp.tw-buckets", []string{"by hand: net.ipv4.tcp_max_tw_buckets is 2000000 already, and it takes more than that"}},
		{"1", "70000", "tcp.reqq-full", []string{"raise accept.backlog of the listener, and fishplate reload", "sysctl -w net.ipv4.tcp_max_syn_backlog='65535'"}},
	} {
		s, err := see.Fixture(fstest.MapFS{
			"proc/sys/net/ipv4/tcp_syncookies": {Data: []byte(c.cookies + "\n")}, "proc/sys/net/core/somaxconn": {Data: []byte(c.backlog + "\n")},
			"proc/net/sockstat": {Data: []byte("TCP: inuse 1 orphan 0 tw 5 alloc 1 mem 1\n")}, "proc/sys/net/ipv4/tcp_max_tw_buckets": {Data: []byte("2000000\n")},
			"proc/net/netstat": {Data: []byte("TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPReqQFullDrop TCPTimeWaitOverflow\nTcpExt: 5 5 5 5 5\n")},
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), Options{System: s, Only: []string{c.id}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.Results[0].Fixes() {
			got = append(got, f.Command)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s with syncookies %s and somaxconn %s: %s: %q", c.id, c.cookies, c.backlog, r.Results[0].Finding.Status, got)
		}
	}
}

// TestThisMachine looks at the machine that the test runs on.
func TestThisMachine(t *testing.T) {
	r, err := Run(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Results) != len(Catalogue()) || len(r.Host.Stack) == 0 {
		t.Errorf("%d results, stack %v", len(r.Results), r.Host.Stack)
	}
	for _, x := range r.Results {
		if x.Finding.Status == fact.OK && len(x.Finding.Evidence) == 0 {
			t.Errorf("%s: ok without evidence", x.Check.ID)
		}
	}
}
