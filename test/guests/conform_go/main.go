// Command conform makes every call of sdk/go in every stage where it means
// something, checks what each gives, and answers with the checks that did not
// hold.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unsafe"

	fishplate "fishplate.dev/sdk/go"
)

func messages(m fishplate.Message) {
	i, err := m.Append("X-Conform: one")
	good(err)
	at, err := m.Find("x-conform")
	is(at, err, i)
	line, err := m.Line(i)
	is(line, err, "X-Conform: one")
	eq(m.Get("X-Conform"), "one")
	_, err = m.Value("X-Absent")
	none(0, err, fishplate.ErrNone)
	good(m.Set("X-Conform", "two"))
	eq(m.Get("X-CONFORM"), "two")
	none(0, m.Set("X-Conform", "a\nb"), fishplate.ErrInvalid)
	check(m.Add("Transfer-Encoding", "chunked") != nil, "framing")
	all, err := m.Headers()
	check(err == nil && strings.Contains(all, "X-Conform: two\n"), "headers")
	good(m.SetLine(i, "X-Conform: to be"))
	good(m.ReplaceIn(i, words, `\2 \1`, false))
	eq(m.Get("X-Conform"), "be to")
	j, err := m.Copy(i, m)
	check(err == nil && j > i, "copy")
	good(m.Add("X-Other", "to be"))
	other, _ := m.Find("X-Other")
	good(m.CopyOver(i, m, other))
	eq(m.Del("X-Conform"), 1)
	eq(m.DelMatching(fishplate.Compile("^X-(Conform|Other): ")), 2)
	last, _ := m.Append("X-Last: 1")
	var str [4]uint64 // a std::string of C++
	eq(fishplate.Call(fishplate.SysFieldRetrieveStr, uintptr(m), uintptr(last), uintptr(unsafe.Pointer(&str))), 9)
	good(m.DelLine(last))
	eq(m.Del("X-Last"), 0)
}

func clientFacts(r fishplate.Request) {
	eq(r.ClientAddr(), "127.0.0.1")
	check(r.ClientPort() > 0 && r.LocalAddr() != "" && r.ID() != "" && strings.HasPrefix(r.Path(), "/"), "facts")
	eq(r.Scheme(), "http")
	_, err := r.TLS(fishplate.TLSVersion)
	none(0, err, fishplate.ErrNone)
	eq(fishplate.TenantName(), "conform")
	eq(r.Host(), "conform.test")
	c, err := r.Cookie("flavour")
	is(c, err, "sour")
	_, err = r.Cookie("sweet")
	none(0, err, fishplate.ErrNone)
}

func fetches() {
	a, err := fishplate.Fetch{URL: "/echo?a", Backend: "app", Header: map[string]string{"X-Asked": "by the guest"}}.Start()
	good(err)
	b, err := fishplate.Fetch{Method: "POST", URL: "/echo?b", Backend: "beta", Body: []byte("body"), Timeout: 5 * time.Second}.Start()
	good(err)
	self, err := fishplate.Fetch{URL: "/small"}.Do()
	good(err)
	_, err = fishplate.WaitAny(5 * time.Second)
	good(err)
	good(b.Wait(-1))
	good(a.Wait(-1))
	eq(a.Status(), 200)
	v, err := a.Value("X-Asked")
	is(v, err, "by the guest")
	h, err := a.Headers()
	check(err == nil && h != "", "headers of an answer")
	body, err := b.Body(1000)
	is(string(body), err, "POST /echo?b body")
	all, err := io.ReadAll(self)
	is(string(all), err, "small")
	_, err = a.Body(2)
	none(0, err, fishplate.ErrLimit)
	for _, f := range []*fishplate.Fetched{a, b, self} {
		good(f.Close())
	}
	_, err = fishplate.Fetch{URL: "/", Backend: "nobody"}.Start()
	none(0, err, fishplate.ErrDenied)
}

func stores() {
	_ = fishplate.KVDelete("k")
	_ = fishplate.KVDelete("n")
	_, err := fishplate.KVGet("k")
	none(0, err, fishplate.ErrNone)
	v, err := fishplate.KVSet("k", []byte("value"), 0)
	good(err)
	now, err := fishplate.KVVersion("k")
	is(now, err, v)
	b, err := fishplate.KVGet("k")
	is(string(b), err, "value")
	_, err = fishplate.KVSwap("k", nil, v+1000, 0)
	none(0, err, fishplate.ErrConflict)
	_, err = fishplate.KVSwap("k", make([]byte, 1000), v, time.Minute)
	good(err)
	b, err = fishplate.KVGet("k")
	is(len(b), err, 1000)
	n, err := fishplate.KVAdd("n", 5, 0)
	is(n, err, 5)
	n, err = fishplate.KVAdd("n", -7, 0)
	is(n, err, -2)
	list, err := fishplate.KVList("k")
	is(strings.Join(list, " "), err, "k")
	used, limit, keys, err := fishplate.KVStat()
	check(err == nil && used > 1000 && limit > used && keys >= 2, "stat")

	good(fishplate.CachePut("conform", []byte("kept"), time.Minute, 0, "tag-g"))
	b, err = fishplate.CacheGet("conform")
	is(string(b), err, "kept")
	good(fishplate.CacheDelete("conform"))
	_, err = fishplate.CacheGet("conform")
	none(0, err, fishplate.ErrNone)
	good(fishplate.CachePut("conform", []byte("kept"), time.Minute, 0, "tag-g"))
	purged, err := fishplate.PurgeTag("tag-g", false)
	is(purged, err, 1)
	_, err = fishplate.Purge()
	good(err)
	good(fishplate.Ban("obj.http.x-conform == never"))
}

func everything(r fishplate.Request) fishplate.Decision {
	pure()
	messages(r.Message)
	clientFacts(r)
	check(r.Method() == "GET" && strings.HasPrefix(r.URL(), "/recv/"), "the request")
	s, err := r.PathSegment(1)
	is(s, err, "two words")
	q, err := r.Query("q")
	is(q, err, "a b")
	good(r.SetQuery("q", "c d"))
	q, err = r.Query("q")
	is(q, err, "c d")
	eq(r.DelQuery("drop"), 1)
	good(r.SetURL("/other"))
	eq(r.URL(), "/other")
	r.Rollback()
	check(strings.HasPrefix(r.URL(), "/recv/"), "rollback")
	eq(fishplate.Backends(), 3)
	i, err := fishplate.Backend("beta").Index()
	is(i, err, 1)
	up, err := fishplate.Backend("app").State()
	is(up, err, "1/1")
	good(fishplate.Backend("beta").Choose())
	none(0, fishplate.Backend("none").Choose(), fishplate.ErrDenied)
	none(0, fishplate.Backend("app").ChooseServer("none"), fishplate.ErrNone)
	good(fishplate.SetBackend(0))
	check(fishplate.SetBackend(7) != nil, "a backend too many")
	stores()
	fetches()
	_, found := fishplate.CacheLook()
	check(!found && fishplate.Cacheable() && fishplate.TTL() == 0, "terms")
	good(fishplate.CacheTTL(30 * time.Second))
	good(fishplate.CacheGrace(time.Second))
	good(fishplate.CacheKeep(time.Second))
	good(fishplate.CacheTag("conform"))
	check(fishplate.CacheTag("two words") != nil, "a tag of two")
	eq(fishplate.TTL(), 30*time.Second)
	fishplate.Hash("key")
	fishplate.Uncacheable()
	check(!fishplate.Cacheable(), "uncacheable")
	also(fishplate.SysSynth)
	return fishplate.Answer(fishplate.Text(200, summary()))
}

func receive(r fishplate.Request) fishplate.Decision {
	switch url := r.URL(); url {
	case "/forge", "/small":
		return fishplate.Respond(false)
	case "/stream":
		return fishplate.Stream(false)
	case "/through":
		good(fishplate.CacheTTL(time.Minute))
		return fishplate.Lookup()
	case "/error":
		good(fishplate.Backend("dead").Choose())
		return fishplate.Pass()
	case "/pause":
		return fishplate.Pass()
	case "/synth":
		return fishplate.Decide("synth", 404)
	case "/fail":
		fishplate.Fail("it was asked to")
	case "/exit":
		os.Exit(0)
	case "/assert":
		panic("a == b")
	default:
		if strings.HasPrefix(url, "/recv/") {
			return everything(r)
		}
	}
	return fishplate.Continue()
}

func respond(r fishplate.Request) fishplate.Response {
	if r.URL() == "/small" {
		return fishplate.Text(200, "small")
	}
	eq(string(r.Body), "posted")
	pure()
	clientFacts(r)
	stores()
	fetches()
	also(fishplate.SysBackendDecision)
	out := fishplate.Text(200, summary())
	out.Header = map[string]string{"X-Forged": "yes"}
	return out
}

func stream(_ fishplate.Request, body fishplate.Body, w *fishplate.ResponseWriter) error {
	eq(body.Len(), 6)
	got, err := io.ReadAll(body)
	is(string(got), err, "posted")
	eq(w.Status(), 200)
	messages(w.Message)
	good(w.Add("X-Streamed", "yes"))
	if err := w.Begin(200, "text/plain"); err != nil {
		return err
	}
	fmt.Fprint(w, "begun ")
	also(fishplate.SysForgeStream)
	_, err = fmt.Fprint(w, summary())
	return err
}

func told(m fishplate.Message, name string) { good(m.Add(name, summary())) }

func main() {
	fishplate.Made = seen[:]
	words, backward = fishplate.Compile("([a-z]+) ([a-z]+)"), fishplate.Compile(`(ab)\1`)
	fmt.Print("one line\ntwo pieces\n")
	fishplate.Program{
		Receive: receive,
		Hash:    func(r fishplate.Request) { check(r.URL() != "", "hash"); fishplate.Hash("through") },
		Hit: func(r fishplate.Request, o fishplate.Reply) fishplate.Decision {
			eq(o.Status(), 200)
			return fishplate.Continue()
		},
		Miss: func(r fishplate.Request) fishplate.Decision {
			check(r.URL() != "", "miss")
			return fishplate.Continue()
		},
		Fetch: func(r fishplate.Request) fishplate.Decision {
			clientFacts(r)
			told(r.Message, "X-Conform-Fetch")
			return fishplate.Continue()
		},
		Respond: respond,
		Stream:  stream,
		Response: func(_ fishplate.Request, a fishplate.Reply) {
			messages(a.Message)
			eq(a.Status(), 200)
			good(fishplate.CacheTag("responded"))
			told(a.Message, "X-Conform-Response")
		},
		Error: func(_ fishplate.Request, a fishplate.Reply) fishplate.Decision {
			check(a.Status() >= 500, "an error")
			good(a.SetStatus(a.Status()))
			messages(a.Message)
			told(a.Message, "X-Conform-Error")
			return fishplate.Continue()
		},
		Synth: func(r fishplate.Request, a fishplate.Reply) fishplate.Decision {
			eq(r.URL(), "/synth")
			eq(a.Status(), 404)
			messages(a.Message)
			return fishplate.Answer(fishplate.Text(200, summary()))
		},
		Deliver: func(r fishplate.Request, a fishplate.Reply) {
			clientFacts(r)
			messages(a.Message)
			check(a.SetStatus(700) != nil, "status 700")
			told(a.Message, "X-Conform-Deliver")
		},
		Functions: map[string]func(string) (string, bool){
			"backwards": func(s string) (string, bool) {
				b := []byte(s)
				for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
					b[i], b[j] = b[j], b[i]
				}
				return string(b), len(b) > 0
			},
		},
	}.Serve()
}
