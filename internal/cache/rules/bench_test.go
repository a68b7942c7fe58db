package rules

import (
	"testing"
)

// browser is the head that a browser sends.
const browser = `GET | Host: a.test | User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 |
 Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8 | Accept-Language: de,en-US;q=0.7,en;q=0.3 |
 Accept-Encoding: gzip, deflate, br, zstd | Connection: keep-alive | Cookie: session=0123456789abcdef | Upgrade-Insecure-Requests: 1 |
 Sec-Fetch-Dest: document | Sec-Fetch-Mode: navigate | Sec-Fetch-Site: none | Priority: u=0, i`

// hot are the calls that every hit makes.
func hot(t testing.TB) map[string]func() {
	p := &Policy{NormaliseCoding: true, VaryIgnore: []string{"Cookie"}}
	req := requestOf(browser)
	wishes := requestOf(browser + " | Cache-Control: max-age=0")
	coding := blobOf(t, p, browser, "Vary: Accept-Encoding")
	several := blobOf(t, p, browser, "Vary: Accept-Encoding, Accept-Language, User-Agent, X-Missing")
	at := object("age=9 fresh=60 grace=5")
	now := arrival.UnixNano()
	var d, some RequestDirectives
	ParseRequest(&wishes.Header, &some)
	var buffer [64]byte
	status := &Status{Cache: "fishplate", Hit: true, TTL: 51, HasTTL: true}
	return map[string]func(){
		"parse":          func() { ParseRequest(&req.Header, &d) },
		"parse-max-age":  func() { ParseRequest(&wishes.Header, &some) },
		"reuse":          func() { Reuse(p, &d, at, now) },
		"reuse-max-age":  func() { Reuse(p, &some, at, now) },
		"vary-none":      func() { MatchVary(nil, req, p) },
		"vary-encoding":  func() { MatchVary(coding, req, p) },
		"vary-of-four":   func() { MatchVary(several, req, p) },
		"age":            func() { AppendAge(buffer[:0], at, now) },
		"status":         func() { AppendStatus(buffer[:0], status) },
		"reuse-on-error": func() { ReuseOnError(p, &d, at, now) },
	}
}

// TestHotPathAllocatesNothing holds the calls of a hit, and those of a miss that
// need no list of fields.
func TestHotPathAllocatesNothing(t *testing.T) {
	calls := hot(t)
	p := &Policy{Has: HasGrace, Grace: 1e9, Targeted: []string{"CDN-Cache-Control"}}
	req, resp := requestOf(browser), responseOf(`200 | Cache-Control: public, max-age=60 | ETag: "a" | Vary: Accept-Encoding | Last-Modified: {-9} | Expires: {+9}`)
	var v Verdict
	calls["judge"] = func() { Judge(p, req, resp, arrival, arrival, &v) }
	for name, call := range calls {
		if n := testing.AllocsPerRun(100, call); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkHot(b *testing.B) {
	for name, call := range hot(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
}

func BenchmarkJudge(b *testing.B) {
	p := &Policy{Has: HasGrace, Grace: 1e9}
	req := requestOf(browser)
	for name, text := range map[string]string{
		"plain": `200 | Cache-Control: public, max-age=60 | ETag: "a" | Content-Type: text/html | Content-Length: 1024`,
		"full":  `200 | Cache-Control: public, max-age=60, stale-while-revalidate=9 | ETag: "a" | Vary: Accept-Encoding | Last-Modified: {-9} | Expires: {+9}`,
		"no":    `200 | Cache-Control: private, no-store | Set-Cookie: a=1`,
	} {
		resp := responseOf(text)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var v Verdict
			for b.Loop() {
				Judge(p, req, resp, arrival, arrival, &v)
			}
		})
	}
}
