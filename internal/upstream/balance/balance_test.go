package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"

	"github.com/google/go-cmp/cmp"
)

// members makes servers s0, s1, … of the weights given.
func members(weights ...int) []Member {
	var list []Member
	for i, w := range weights {
		list = append(list, Member{Node: &Node{}, Name: fmt.Sprintf("s%d", i), Weight: w})
	}
	return list
}

// pathOf is a key for hash steps that needs no expression compiler.
type pathOf struct{}

func (pathOf) Append(dst []byte, e *predicate.Env) ([]byte, bool) {
	return append(dst, e.Req.Path...), len(e.Req.Path) > 0
}

func options() Options {
	r := rand.New(rand.NewPCG(1, 2))
	return Options{Compile: func(model.Expr) (Key, error) { return pathOf{}, nil }, Rand: r.Uint64}
}

// parse reads "shuffle, take(log2), hash(maglev)" into a policy.
func parse(text string) model.Balance {
	b := model.Balance{Text: text}
	for word := range strings.SplitSeq(text, ", ") {
		name, arg, found := strings.Cut(strings.TrimSuffix(word, ")"), "(")
		s := model.BalanceStep{Name: name}
		if found && arg != "" {
			s.Args = []string{arg}
		}
		b.Steps = append(b.Steps, s)
	}
	return b
}

func table(t testing.TB, list []Member, text string) *Table {
	t.Helper()
	tab, err := New(list, parse(text), options())
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// request makes the query of a request for a path, from a client.
func request(path string) *Query {
	req := &message.Request{Scheme: "http", Host: []byte("www.example.com"), Path: []byte(path), ClientIP: netip.MustParseAddr("192.0.2.1")}
	return &Query{Env: &predicate.Env{Req: req}, Now: time.Hour.Nanoseconds()}
}

// spread picks n times and returns how often each member was chosen.
func spread(t testing.TB, tab *Table, n int, next func(i int, q *Query)) []int {
	t.Helper()
	counts := make([]int, len(tab.members))
	q := request("/")
	for i := range n {
		if next != nil {
			next(i, q)
		}
		at, v := tab.Pick(q)
		if v != Chosen {
			t.Fatalf("pick %d: verdict %d", i, v)
		}
		counts[at]++
	}
	return counts
}

func keys(i int, q *Query) {
	q.Env.Req.Path = fmt.Appendf(q.Env.Req.Path[:0], "/item/%d", i)
	q.Env.Req.ClientIP = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// TestWeights: every policy that knows weights gives each server its share
// within one percent of all requests.
func TestWeights(t *testing.T) {
	const n = 200000
	weights := []int{100, 50, 200, 10, 140}
	for _, policy := range []string{
		"roundrobin", "leastconn", "random", "weight", "source", "path", "ring", "maglev", "rendezvous",
		"hash(sum)", "hash(ring)", "hash(maglev)", "hash(rendezvous)", "ewma",
	} {
		t.Run(policy, func(t *testing.T) {
			got := spread(t, table(t, members(weights...), policy), n, keys)
			for i, w := range weights {
				want := float64(w) / 500
				if share := float64(got[i]) / n; math.Abs(share-want) > 0.01 {
					t.Errorf("s%d has %.4f of the requests, want %.4f", i, share, want)
				}
			}
		})
	}
}

// TestSmooth: round robin is exact over each cycle and does not burst.
func TestSmooth(t *testing.T) {
	tab := table(t, members(5, 1, 1), "roundrobin")
	var got []string
	q := request("/")
	for range 7 {
		i, _ := tab.Pick(q)
		got = append(got, tab.members[i].Name)
	}
	if want := "s0 s0 s1 s0 s2 s0 s0"; strings.Join(got, " ") != want {
		t.Errorf("cycle %v, want %s", got, want)
	}
}

// TestMovedKeys: when one of ten servers leaves, for ill or by configuration,
// at most 1.1/n of the keys move, and only its own when it is merely down.
func TestMovedKeys(t *testing.T) {
	const n, keysTried = 10, 50000
	for _, policy := range []string{"rendezvous", "maglev", "ring"} {
		t.Run(policy, func(t *testing.T) {
			list := members(slices.Repeat([]int{100}, n)...)
			tab := table(t, list, policy)
			home := func(tab *Table) []string {
				var names []string
				q := request("/")
				for i := range keysTried {
					keys(i, q)
					at, _ := tab.Pick(q)
					names = append(names, tab.members[at].Name)
				}
				return names
			}
			before := home(tab)
			gone := table(t, slices.Delete(slices.Clone(list), 3, 4), policy)
			compareHomes(t, "removed", before, home(gone), n)
			list[3].Node.SetReason(Down)
			others := compareHomes(t, "down", before, home(tab), n)
			if others != 0 {
				t.Errorf("down: %d keys of other servers moved", others)
			}
		})
	}
}

func compareHomes(t *testing.T, what string, before, after []string, n int) (others int) {
	t.Helper()
	moved := 0
	for i := range before {
		if before[i] != after[i] {
			moved++
			if before[i] != "s3" {
				others++
			}
		}
		if after[i] == "s3" {
			t.Fatalf("%s: a key stays at the server that left", what)
		}
	}
	if limit := 1.1 / float64(n); float64(moved)/float64(len(before)) > limit {
		t.Errorf("%s: %.4f of the keys moved, at most %.4f may", what, float64(moved)/float64(len(before)), limit)
	}
	return others
}

// TestCARPVectors holds the hash functions and multipliers to known values.
func TestCARPVectors(t *testing.T) {
	for _, v := range []struct {
		got, want uint32
		what      string
	}{
		{urlHash(0, []byte("http://www.example.com/")), 0xa31b69fa, "URL"},
		{urlHash(0, []byte("http://www.example.com/index.html")), 0x9c1505be, "URL of index.html"},
		{memberHash("proxy1.example.com"), 0x0fdd6087, "proxy1"},
		{memberHash("Proxy2.Example.com"), 0x808944a1, "proxy2"},
		{memberHash("proxy3.example.com"), 0xd790eaab, "proxy3"},
		{carpCombine(0xa31b69fa, 0x0fdd6087), 0x99c36b7f, "combination"},
	} {
		if v.got != v.want {
			t.Errorf("%s: %08x, want %08x", v.what, v.got, v.want)
		}
	}
	want := []float64{0.9085602964, 0.9085602964, 1.2114137286}
	for i, x := range multipliers([]int{1, 1, 2}) {
		if math.Abs(x-want[i]) > 1e-9 {
			t.Errorf("multiplier %d: %.10f, want %.10f", i, x, want[i])
		}
	}
}

func TestCARPModes(t *testing.T) {
	list := members(1, 1, 2)
	for i := range list {
		list[i].Name = fmt.Sprintf("proxy%d.example.com", i+1)
	}
	draft, squid := table(t, list, "carp"), table(t, list, "carp-squid")
	for tab, want := range map[*Table]string{draft: "proxy3.example.com", squid: "proxy1.example.com"} {
		if i, _ := tab.Pick(request("/index.html")); list[i].Name != want {
			t.Errorf("/index.html goes to %s, want %s", list[i].Name, want)
		}
	}
	q, n := request("/"), 100000
	differ, shares := 0, [3]int{}
	for i := range n {
		keys(i, q)
		a, _ := draft.Pick(q)
		b, _ := squid.Pick(q)
		shares[b]++
		if a != b {
			differ++
		}
	}
	if d := float64(differ) / float64(n); d < 0.5 || d > 0.65 {
		t.Errorf("the modes differ on %.3f of the URLs, about 0.57 is known", d)
	}
	for i, want := range []float64{0.25, 0.25, 0.5} {
		if share := float64(shares[i]) / float64(n); math.Abs(share-want) > 0.01 {
			t.Errorf("squid's share of proxy%d is %.4f, want %.2f", i+1, share, want)
		}
	}
}

// TestSquidHashesDownMembers: a member that is down still advances the hash, so
// the others keep their keys.
func TestSquidHashesDownMembers(t *testing.T) {
	list := members(1, 1, 1)
	tab := table(t, list, "carp-squid")
	q := request("/")
	var before []int
	for i := range 1000 {
		keys(i, q)
		at, _ := tab.Pick(q)
		before = append(before, at)
	}
	list[1].Node.SetReason(Down)
	for i, was := range before {
		keys(i, q)
		if at, _ := tab.Pick(q); was != 1 && at != was {
			t.Fatalf("key %d of s%d moved to s%d", i, was, at)
		}
	}
}

func TestCandidates(t *testing.T) {
	hour := time.Hour.Nanoseconds()
	for _, c := range []struct {
		name  string
		setup func(l []Member, q *Query)
		want  Verdict
		at    int
	}{
		{"all well", func([]Member, *Query) {}, Chosen, 0},
		{"first down", func(l []Member, _ *Query) { l[0].Node.SetReason(Down) }, Chosen, 1},
		{"first ejected", func(l []Member, _ *Query) { l[0].Node.Eject(time.Unix(0, hour+1)) }, Chosen, 1},
		{"ejection over", func(l []Member, _ *Query) { l[0].Node.Eject(time.Unix(0, hour)) }, Chosen, 0},
		{"first full", func(l []Member, _ *Query) { l[0].Node.SetMax(1); l[0].Node.Take() }, Chosen, 1},
		{"first tried", func(l []Member, q *Query) { q.Tried = []*Node{l[0].Node} }, Chosen, 1},
		{"primaries out", func(l []Member, _ *Query) {
			l[0].Node.SetReason(Down)
			l[1].Node.SetReason(Drain)
		}, Chosen, 2},
		{"primaries full", func(l []Member, _ *Query) {
			for _, m := range l[:2] {
				m.Node.SetMax(1)
				m.Node.Take()
			}
		}, AllFull, -1},
		{"all tried", func(l []Member, q *Query) { q.Tried = []*Node{l[0].Node, l[1].Node} }, Chosen, 0},
		{"one starts", func(l []Member, _ *Query) {
			l[0].Node.SetReason(Starting)
			l[1].Node.SetReason(Down)
			l[2].Node.SetReason(Down)
		}, Waiting, -1},
		{"none", func(l []Member, _ *Query) {
			for _, m := range l {
				m.Node.SetReason(Maintenance)
			}
		}, None, -1},
		{"weight zero", func(l []Member, _ *Query) { l[0].Weight = 0 }, Chosen, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, q := members(100, 100, 100), request("/")
			list[2].Backup = true
			c.setup(list, q)
			if at, v := table(t, list, "first").Pick(q); v != c.want || at != c.at {
				t.Errorf("picked %d with verdict %d, want %d with %d", at, v, c.at, c.want)
			}
		})
	}
}

func TestTransforms(t *testing.T) {
	now := time.Hour.Nanoseconds()
	list := members(100, 100, 100, 100)
	for i, z := range []string{"a", "b", "a", "b"} {
		list[i].Zone = z
	}
	list[0].Node.Report(now-10*time.Second.Nanoseconds(), 1)
	list[2].Node.Report(now-time.Second.Nanoseconds(), 5)
	list[3].Node.Report(now-time.Second.Nanoseconds(), 3)
	for range 3 {
		list[1].Node.Take()
	}
	list[0].Node.Take()
	list[0].Node.Observe(now, 5*time.Millisecond)
	list[1].Node.Observe(now, time.Millisecond)
	list[2].Node.Observe(now, 9*time.Millisecond)
	list[3].Node.Observe(now, 8*time.Millisecond)
	for _, c := range []struct{ policy, want string }{
		{"least(load)", "s0"},
		{"fresh(6s), least(load)", "s3"},
		{"zone(a), fresh(6s), least(load)", "s2"},
		{"zone(nowhere), first", "s0"},
		{"least(load), take(2), least(connections)", "s3"},
		{"zone(b), least(latency)", "s1"},
		{"leastconn, first", "s2"},
		{"ewma", "s1"},
		{"bounded(1), first", "s0"},
		{"zone(b), bounded(1), first", "s3"},
	} {
		tab := table(t, list, c.policy)
		if i, _ := tab.Pick(request("/")); list[i].Name != c.want {
			t.Errorf("%s chooses %s, want %s", c.policy, list[i].Name, c.want)
		}
	}
}

func TestTakeLog2(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 1, 3: 2, 4: 2, 5: 3, 8: 3, 9: 4, 100: 7} {
		s := newScratch(n)
		for i := range n {
			s.list = append(s.list, int32(i))
		}
		takeStep{}.run(nil, s, nil, false)
		if len(s.list) != want {
			t.Errorf("log2 of %d keeps %d, want %d", n, len(s.list), want)
		}
	}
}

// TestP2C: with two choices the load stays close to even though every
// connection is held.
func TestP2C(t *testing.T) {
	list := members(slices.Repeat([]int{100}, 10)...)
	tab := table(t, list, "p2c")
	for range 1000 {
		i, _ := tab.Pick(request("/"))
		list[i].Node.Take()
	}
	for _, m := range list {
		if a := m.Node.Active(); a < 95 || a > 105 {
			t.Errorf("%s holds %d of 1000 connections, want about 100", m.Name, a)
		}
	}
}

// TestBounded: with a factor of 1.25 no server holds more than 1.25 of its
// share, whatever the keys are.
func TestBounded(t *testing.T) {
	for _, algo := range []string{"rendezvous", "maglev", "ring", "carp", "carp-squid", "sum"} {
		list := members(slices.Repeat([]int{100}, 5)...)
		tab := table(t, list, "hash("+algo+"), bounded(1.25)")
		for range 100 {
			i, _ := tab.Pick(request("/hot"))
			list[i].Node.Take()
		}
		for _, m := range list {
			if a := m.Node.Active(); a > 25 {
				t.Errorf("%s: %s holds %d of 100 connections to one key, at most 25 are allowed", algo, m.Name, a)
			}
		}
	}
}

func TestSlowStart(t *testing.T) {
	const n = 40000
	for _, policy := range []string{"roundrobin", "random", "rendezvous", "maglev", "ring"} {
		list := members(100, 100)
		tab := table(t, list, policy)
		start := time.Hour.Nanoseconds()
		list[1].Node.Ramp(time.Unix(0, start), 10*time.Second)
		for _, c := range []struct {
			after time.Duration
			want  float64
		}{{0, 0.02 / 1.02}, {5 * time.Second, 0.5 / 1.5}, {10 * time.Second, 0.5}} {
			got := spread(t, tab, n, func(i int, q *Query) { keys(i, q); q.Now = start + int64(c.after) })
			want := c.want
			if policy == "maglev" || policy == "ring" {
				want = 0.5 * min(1, max(0.02, c.after.Seconds()/10)) // its own keys, in part
			}
			if share := float64(got[1]) / n; math.Abs(share-want) > 0.012 {
				t.Errorf("%s after %v: share %.4f, want %.4f", policy, c.after, share, want)
			}
		}
	}
}

func TestObserve(t *testing.T) {
	var n Node
	if n.Latency() != 0 {
		t.Error("latency before the first measurement")
	}
	n.Observe(1, 10*time.Millisecond)
	n.Observe(2, 50*time.Millisecond)
	if n.Latency() != 50*time.Millisecond {
		t.Errorf("a peak counts at once: %v", n.Latency())
	}
	n.Observe(2+int64(latencyDecay), 10*time.Millisecond)
	if got := n.Latency(); got < 24*time.Millisecond || got > 25*time.Millisecond {
		t.Errorf("after one time constant: %v, want 10 + 40/e ms", got)
	}
}

func TestExplain(t *testing.T) {
	list := members(100, 100, 100, 100, 100, 100)
	list[1].Node.SetReason(Down)
	list[2].Node.SetMax(1)
	list[2].Node.Take()
	list[3].Backup = true
	list[4].Zone, list[5].Zone, list[0].Zone = "b", "a", "a"
	list[5].Node.Take()
	tab := table(t, list, "zone(a), least(connections)")
	got, chosen, v := tab.Explain(request("/"))
	want := []Candidate{
		{"s0", true, "chosen: connections 0"},
		{"s1", false, "down"},
		{"s2", false, "at max_connections"},
		{"s3", false, "backup, and a primary server is usable"},
		{"s4", false, `zone "b" is not "a"`},
		{"s5", true, "behind s0: connections 0.01"},
	}
	if d := cmp.Diff(want, got); d != "" || chosen != 0 || v != Chosen {
		t.Errorf("chosen %d, verdict %d: %s", chosen, v, d)
	}
}

// TestExplainHash: what was hashed is said of the server that it led to.
func TestExplainHash(t *testing.T) {
	tab := table(t, members(100, 100, 100), "hash(maglev)")
	led := map[int]bool{}
	for i := range 50 {
		path := fmt.Sprintf("/%d", i)
		got, chosen, _ := tab.Explain(request(path))
		led[chosen] = true
		for at, c := range got {
			if want := fmt.Sprintf("chosen: hash of %q", path); (c.Why == want) != (at == chosen) {
				t.Fatalf("%s: %+v", path, got)
			}
		}
	}
	if len(led) != 3 {
		t.Errorf("led to %v", led)
	}
}

// TestExplainChangesNothing: explaining does not take anybody's turn.
func TestExplainChangesNothing(t *testing.T) {
	tab := table(t, members(100, 100), "roundrobin")
	for range 5 {
		if _, chosen, _ := tab.Explain(request("/")); chosen != 0 {
			t.Fatalf("explained %d, want 0", chosen)
		}
	}
	if i, _ := tab.Pick(request("/")); i != 0 {
		t.Errorf("picked %d after explanations, want 0", i)
	}
}

func TestCompileErrors(t *testing.T) {
	for _, c := range []struct{ policy, want string }{
		{"roundrobbin", `compile balance step roundrobbin: no such transform`},
		{"take(0)", `compile balance step take: 0 is less than 1`},
		{"take", `compile balance step take: 0 arguments, want 1`},
		{"least(luck)", `compile balance step least: no measure "luck"; it is load, connections or latency`},
		{"hash(md5)", `compile balance step hash: no hash "md5"; it is rendezvous, maglev, ring, carp, carp-squid or sum`},
		{"bounded(0.5)", `compile balance step bounded: factor 0.5 is not between 1 and 1000`},
		{"fresh(-1s)", `compile balance step fresh: not positive`},
	} {
		if _, err := New(nil, parse(c.policy), options()); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.policy, err, c.want)
		}
	}
}

// TestNoKey: a request without the key goes by turns.
func TestNoKey(t *testing.T) {
	tab := table(t, members(100, 100), "hash(maglev)")
	got := spread(t, tab, 10, func(_ int, q *Query) { q.Env.Req.Path = nil })
	if got[0] != 5 || got[1] != 5 {
		t.Errorf("spread %v, want 5 and 5", got)
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("needs pools that keep what they are given; the race detector's do not")
	}
	for _, policy := range []string{
		"roundrobin", "ratio", "leastconn", "random", "p2c", "first", "ewma", "source", "path", "ring", "maglev", "rendezvous", "carp", "carp-squid",
		"fresh(6s)", "zone(a)", "shuffle", "weight", "shuffle, take(log2)", "least(load), take(2)", "hash(rendezvous), bounded(1.25)", "hash(maglev), bounded(1.25)",
	} {
		tab, q := table(t, members(100, 50, 20, 100), policy), request("/some/path")
		if n := testing.AllocsPerRun(200, func() { tab.Pick(q) }); n != 0 {
			t.Errorf("%s allocates %v times per choice", policy, n)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for _, policy := range []string{"roundrobin", "leastconn", "p2c", "random", "ewma", "rendezvous", "maglev", "ring", "carp", "shuffle, take(log2), least(load)"} {
		for _, n := range []int{4, 64} {
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(policy, ", ", "+"), n), func(b *testing.B) {
				tab, q := table(b, members(slices.Repeat([]int{100}, n)...), policy), request("/some/path")
				b.ReportAllocs()
				for b.Loop() {
					tab.Pick(q)
				}
			})
		}
	}
}
