package cache

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A naive is a cache as simple as one can be that obeys RFC 9111: whole bodies in
// memory, one lock, no coalescing, no eviction. It is what the product is held
// against in random histories, and itself held against the table.
type naive struct {
	origin string
	client *http.Client
	mu     sync.Mutex
	stored map[string][]*kept
}

// kept is one stored answer.
type kept struct {
	status     int
	header     http.Header
	body       string
	varies     map[string]string // of the request; "" and absent differ by a mark
	born       time.Time         // when its age was 0
	fresh      time.Duration
	directives map[string]string
	gone       bool // invalidated: to be validated, whatever its age
	marker     bool // of an answer that may not be stored; it hides what is older
}

func newNaive(origin string) *naive {
	return &naive{origin: origin, stored: map[string][]*kept{}, client: &http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// directives reads Cache-Control. A name that occurs twice with two values is
// there with the value that grants less: "x", which no rule can read.
func directives(lines []string) map[string]string {
	d := map[string]string{}
	for _, part := range split(strings.Join(lines, ","), ',') {
		name, value, valued := strings.Cut(strings.Trim(part, " \t"), "=")
		name = strings.ToLower(name)
		value = strings.Trim(value, `"`)
		if old, twice := d[name]; twice && old != value {
			switch name {
			case "private", "no-cache": // the unqualified form is the stricter
				value = ""
			case "max-age", "s-maxage":
				if seconds(old) < seconds(value) {
					value = old
				}
			default:
				value = "x"
			}
		}
		if valued && value == "" && name != "private" && name != "no-cache" {
			value = "x"
		}
		d[name] = value
	}
	return d
}

// seconds reads a delta-seconds; what cannot be read is 0.
func seconds(text string) time.Duration {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > 1<<31 {
		n = 1 << 31
	}
	return time.Duration(n) * time.Second
}

func has(d map[string]string, name string) bool { _, ok := d[name]; return ok }

func keyOf(r *http.Request) string {
	return strings.TrimSuffix(strings.ToLower(r.Host), ":80") + r.URL.RequestURI()
}

func (c *naive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, name := range strings.Split(strings.Join(r.Header.Values("Connection"), ","), ",") {
		r.Header.Del(strings.TrimSpace(name)) // the client's hop ends here
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		c.pass(w, r)
		return
	}
	d := directives(r.Header.Values("Cache-Control"))
	if r.Header.Get("Cache-Control") == "" && strings.Contains(r.Header.Get("Pragma"), "no-cache") {
		d["no-cache"] = ""
	}
	now := time.Now()
	var k *kept
	special := r.Header.Get("If-Match") != "" || r.Header.Get("If-Unmodified-Since") != "" || r.ContentLength > 0
	if !special {
		k = c.find(r)
	}
	switch {
	case k != nil && k.usable(d, now):
		c.reply(w, r, k, now)
	case has(d, "only-if-cached"):
		w.WriteHeader(http.StatusGatewayTimeout)
	case special:
		c.pass(w, r)
	case k != nil && k.graceful(d, now):
		c.reply(w, r, k, now)
		inner := r.Clone(r.Context())
		inner.Method = http.MethodGet
		c.fetch(discard{http.Header{}}, inner, k, d)
	default:
		c.fetch(w, r, k, d)
	}
}

// discard is where the answer of a refresh goes.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// find returns the newest stored answer that the request selects.
func (c *naive) find(r *http.Request) (best *kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.stored[keyOf(r)] {
		fits := true
		for name, value := range k.varies {
			fits = fits && selecting(r, name) == value
		}
		// By Date; of two of one second, the one that came later.
		if fits && (best == nil || !dateOf(k).Before(dateOf(best))) {
			best = k
		}
	}
	if best != nil && best.marker {
		return nil
	}
	return best
}

func dateOf(k *kept) time.Time {
	at, _ := http.ParseTime(k.header.Get("Date"))
	return at
}

// selecting is the value of a request's field as Vary compares it.
func selecting(r *http.Request, name string) string {
	list, ok := r.Header[http.CanonicalHeaderKey(name)]
	if !ok {
		return "absent"
	}
	value := strings.Join(list, ",")
	parts := strings.Split(value, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if strings.EqualFold(name, "Accept-Encoding") {
		slices.Sort(parts)
	}
	return "=" + strings.Join(parts, ",")
}

func (k *kept) age(now time.Time) time.Duration { return now.Sub(k.born) }

// obliged is set for what must not be served stale in any case.
func (k *kept) obliged() bool {
	d := k.directives
	return k.gone || has(d, "no-cache") && d["no-cache"] == "" || has(d, "must-revalidate") ||
		has(d, "proxy-revalidate") || has(d, "s-maxage")
}

// usable says whether k answers a request without the origin (§4).
func (k *kept) usable(d map[string]string, now time.Time) bool {
	age := k.age(now)
	left := k.fresh - age
	switch {
	case k.gone, has(d, "no-cache"), has(k.directives, "no-cache") && k.directives["no-cache"] == "":
		return false
	case has(d, "max-age") && age > seconds(d["max-age"]):
		return false
	case has(d, "min-fresh") && left < seconds(d["min-fresh"]):
		return false
	case left > 0:
		return true
	case k.obliged() || !has(d, "max-stale"):
		return false
	}
	return d["max-stale"] == "" || -left <= seconds(d["max-stale"])
}

// graceful says whether k may be served while it is refreshed (RFC 5861 §3).
func (k *kept) graceful(d map[string]string, now time.Time) bool {
	late := k.age(now) - k.fresh
	return !k.obliged() && !has(d, "no-cache") && !has(d, "max-age") && !has(d, "min-fresh") &&
		late < seconds(k.directives["stale-while-revalidate"])
}

// pass forwards a request and stores nothing; an unsafe one invalidates.
func (c *naive) pass(w http.ResponseWriter, r *http.Request) {
	resp, body, err := c.forward(r, r.Header.Clone())
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	safe := slices.Contains([]string{"GET", "HEAD", "OPTIONS", "TRACE"}, r.Method)
	if !safe && resp.StatusCode < 400 {
		c.invalidate(r, resp)
	}
	write(w, r, resp.StatusCode, resp.Header, body)
}

// invalidate does §4.4.
func (c *naive) invalidate(r *http.Request, resp *http.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := []string{keyOf(r)}
	for _, name := range []string{"Location", "Content-Location"} {
		base := *r.URL
		base.Host, base.Scheme = r.Host, "http"
		if u, err := base.Parse(resp.Header.Get(name)); err == nil && u.Host == r.Host && resp.Header.Get(name) != "" {
			keys = append(keys, strings.ToLower(u.Host)+u.RequestURI())
		}
	}
	for _, key := range keys {
		for _, k := range c.stored[key] {
			k.gone = true
		}
	}
}

// forward sends a request to the origin and reads the whole answer.
func (c *naive) forward(r *http.Request, header http.Header) (*http.Response, string, error) {
	out, err := http.NewRequest(r.Method, "http://"+c.origin+r.URL.RequestURI(), r.Body)
	if err != nil {
		return nil, "", err
	}
	out.Host, out.Header, out.ContentLength = r.Host, header, r.ContentLength
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", "")
	}
	resp, err := c.client.Do(out)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// write sends an answer; conditions and ranges were seen to before.
func write(w http.ResponseWriter, r *http.Request, status int, header http.Header, body string) {
	for _, name := range strings.Split(header.Get("Connection"), ",") {
		header.Del(strings.TrimSpace(name))
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding", "Proxy-Authentication-Info"} {
		header.Del(name)
	}
	for name, lines := range header {
		w.Header()[name] = lines
	}
	if _, typed := header["Content-Type"]; !typed {
		w.Header()["Content-Type"] = nil
	}
	if status == http.StatusNotModified {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body)
	}
}
