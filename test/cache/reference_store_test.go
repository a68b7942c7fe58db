package cache

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fetch asks the origin for what may be stored: the whole, by GET, on the
// condition that it is not what k is already.
func (c *naive) fetch(w http.ResponseWriter, r *http.Request, k *kept, d map[string]string) {
	header := r.Header.Clone()
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
		header.Del(name)
	}
	if k != nil && k.header.Get("Etag") != "" {
		header.Set("If-None-Match", k.header.Get("Etag"))
	}
	if k != nil && k.header.Get("Last-Modified") != "" {
		header.Set("If-Modified-Since", k.header.Get("Last-Modified"))
	}
	resp, body, err := c.forward(r, header)
	now := time.Now()
	failed := err != nil || slices.Contains([]int{500, 502, 503, 504}, resp.StatusCode)
	if failed && k != nil && k.tolerable(now) {
		c.reply(w, r, k, now)
		return
	}
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if resp.StatusCode == http.StatusNotModified && k != nil {
		if tag := resp.Header.Get("Etag"); tag != "" && strings.TrimPrefix(tag, "W/") != strings.TrimPrefix(k.header.Get("Etag"), "W/") {
			c.drop(r, k)
			c.fetch(w, r, nil, d)
			return
		}
		fresh := k.merged(resp.Header)
		c.replace(r, d, k, fresh, now)
		c.reply(w, r, fresh, now)
		return
	}
	fresh := &kept{status: resp.StatusCode, header: resp.Header, body: body}
	c.replace(r, d, k, fresh, now)
	answer := *fresh
	if resp.Header.Get("Age") == "" {
		answer.born = time.Time{} // it comes from the origin itself: no Age on it
	}
	c.reply(w, r, &answer, now)
}

// tolerable says whether k is not too stale for an error (RFC 5861 §4); one that
// is fresh and was to be validated is better than an error, too (§4.3.3).
func (k *kept) tolerable(now time.Time) bool {
	late := k.age(now) - k.fresh
	if late < 0 {
		return !k.gone && (!has(k.directives, "no-cache") || k.directives["no-cache"] != "")
	}
	return !k.obliged() && late < seconds(k.directives["stale-if-error"])
}

// merged is k with the fields of a 304 (§3.2).
func (k *kept) merged(header http.Header) *kept {
	m := &kept{status: k.status, body: k.body, header: k.header.Clone()}
	m.header.Del("Age")
	hop := header.Get("Connection")
	for name, lines := range header {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Range", "Content-Type", "Connection", hop:
		default:
			m.header[name] = lines
		}
	}
	return m
}

func (c *naive) drop(r *http.Request, k *kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := keyOf(r)
	c.stored[key] = slices.DeleteFunc(c.stored[key], func(o *kept) bool { return o == k })
}

// replace stores fresh in place of old and of what has the same selecting
// fields, when it may be stored at all.
func (c *naive) replace(r *http.Request, d map[string]string, old, fresh *kept, now time.Time) {
	storable := fresh.judge(r, d, now)
	if r.Method == http.MethodHead { // it has no body; it may only spoil
		if old != nil && fresh.status == 200 && (fresh.header.Get("Etag") != old.header.Get("Etag") || fresh.header.Get("Content-Length") != old.header.Get("Content-Length")) {
			c.drop(r, old)
		}
		if old == nil || fresh.body != old.body {
			return
		}
	}
	_, authorized := r.Header["Authorization"]
	own := authorized || has(d, "no-store") // it says nothing of what others may have
	if old != nil && fresh.status < 500 && (storable || !own) {
		c.drop(r, old)
	}
	if !storable && (own || old != nil && fresh.status >= 500) {
		return
	}
	fresh.marker = !storable
	c.mu.Lock()
	defer c.mu.Unlock()
	key := keyOf(r)
	c.stored[key] = append(slices.DeleteFunc(c.stored[key], func(o *kept) bool {
		if len(o.varies) != len(fresh.varies) {
			return false
		}
		for name, value := range fresh.varies {
			if o.varies[name] != value {
				return false
			}
		}
		return true
	}), fresh)
}

var understood = []int{200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 500, 501, 502, 503, 504}
var guessable = []int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}

// judge says whether k, just received, may be stored, and works out its times
// (§3, §4.2).
func (k *kept) judge(r *http.Request, asked map[string]string, now time.Time) bool {
	k.directives = directives(k.header.Values("Cache-Control"))
	d := k.directives
	k.born = now.Add(-k.received(now))
	k.fresh = k.lifetime(now)
	k.varies = map[string]string{}
	for _, name := range strings.Split(strings.Join(k.header.Values("Vary"), ","), ",") {
		if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name != "" {
			k.varies[name] = selecting(r, name)
		}
	}
	_, authorized := r.Header["Authorization"]
	knows := slices.Contains(understood, k.status)
	switch {
	case has(asked, "no-store"), has(d, "private") && d["private"] == "":
		return false
	case has(d, "must-understand") && !knows, has(d, "no-store") && !has(d, "must-understand"):
		return false
	case has(k.varies, "*"), k.header.Get("Set-Cookie") != "", k.status == 206, k.status == 304, k.status == 412, k.status == 416:
		return false
	case authorized && !has(d, "public") && !has(d, "s-maxage") && !has(d, "must-revalidate"):
		return false
	case k.fresh > 0:
		return true
	}
	return k.header.Get("Etag") != "" || k.header.Get("Last-Modified") != "" || has(d, "max-age") || has(d, "s-maxage")
}

// received is the age of an answer when it arrives (§4.2.3).
func (k *kept) received(now time.Time) time.Duration {
	age, _, _ := strings.Cut(k.header.Get("Age"), ",")
	value := seconds(strings.TrimSpace(age))
	if date, err := http.ParseTime(k.header.Get("Date")); err == nil {
		value = max(value, now.Truncate(time.Second).Sub(date))
	}
	return value
}

// lifetime is how long an answer is fresh (§4.2.1, §4.2.2).
func (k *kept) lifetime(now time.Time) time.Duration {
	date, err := http.ParseTime(k.header.Get("Date"))
	if err != nil {
		date = now
	}
	if value, ok := k.directives["s-maxage"]; ok {
		return seconds(value)
	}
	if value, ok := k.directives["max-age"]; ok {
		return seconds(value)
	}
	if lines := k.header.Values("Expires"); len(lines) > 0 {
		at, err := http.ParseTime(lines[0])
		if err != nil {
			return 0
		}
		return at.Sub(date)
	}
	modified, err := http.ParseTime(k.header.Get("Last-Modified"))
	if err != nil || !slices.Contains(guessable, k.status) && !has(k.directives, "public") {
		return 0
	}
	return date.Sub(modified) / 10
}

// reply answers from k: conditions first, then one range (RFC 9110 §13.2.2).
func (c *naive) reply(w http.ResponseWriter, r *http.Request, k *kept, now time.Time) {
	header := k.header.Clone()
	header.Set("X-Naive", "stored")
	if k.born.IsZero() {
		header.Set("X-Naive", "fetched")
	} else {
		header.Set("Age", strconv.Itoa(max(0, int(k.age(now)/time.Second))))
		for name, value := range k.directives {
			if name == "private" || name == "no-cache" {
				for _, f := range strings.Split(value, ",") {
					header.Del(strings.TrimSpace(f))
				}
			}
		}
	}
	if k.status != 200 {
		write(w, r, k.status, header, k.body)
		return
	}
	if unchanged(r, k) {
		write(w, r, http.StatusNotModified, header, "")
		return
	}
	status, body := 200, k.body
	first, last, ok := oneRange(r, k)
	switch {
	case !ok:
	case first > last:
		status, body = http.StatusRequestedRangeNotSatisfiable, ""
		header = http.Header{"Content-Range": {"bytes */" + strconv.Itoa(len(k.body))}}
	default:
		status, body = http.StatusPartialContent, k.body[first:last+1]
		header.Set("Content-Range", "bytes "+strconv.Itoa(first)+"-"+strconv.Itoa(last)+"/"+strconv.Itoa(len(k.body)))
	}
	if r.Method == http.MethodGet {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	write(w, r, status, header, body)
}

func unchanged(r *http.Request, k *kept) bool {
	if lines := r.Header.Values("If-None-Match"); len(lines) > 0 {
		text := strings.TrimSpace(strings.Join(lines, ","))
		tag := strings.TrimPrefix(k.header.Get("Etag"), "W/")
		if text == "*" {
			return true
		}
		for text != "" { // tags have no escapes: a quote ends one
			text = strings.TrimPrefix(strings.TrimLeft(text, " ,"), "W/")
			if text == "" || text[0] != '"' {
				return false
			}
			end := strings.IndexByte(text[1:], '"')
			if end < 0 {
				return false
			}
			if text[:end+2] == tag {
				return true
			}
			text = text[end+2:]
		}
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	if err != nil {
		return false
	}
	modified, err := http.ParseTime(k.header.Get("Last-Modified"))
	if err != nil {
		modified = dateOf(k)
	}
	return !modified.After(since)
}

// oneRange reads a Range of one part; first > last when it lies beyond the end.
func oneRange(r *http.Request, k *kept) (first, last int, ok bool) {
	unit, text, _ := strings.Cut(r.Header.Get("Range"), "=")
	low, high, dash := strings.Cut(text, "-")
	size := len(k.body)
	if r.Method != http.MethodGet || !strings.EqualFold(unit, "bytes") || !dash || strings.Trim(low+high, "0123456789") != "" || low+high == "" {
		return 0, 0, false
	}
	if cond := r.Header.Get("If-Range"); cond != "" {
		strong := cond[0] == '"' && cond == k.header.Get("Etag")
		if !strong && (cond != k.header.Get("Last-Modified") || cond == k.header.Get("Date")) {
			return 0, 0, false
		}
	}
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		if err != nil {
			return 1 << 40
		}
		return n
	}
	switch {
	case low == "":
		n := min(number(high), size)
		return size - n, size - 1, true
	case high != "" && number(high) < number(low):
		return 0, 0, false
	case high == "":
		return number(low), size - 1, true
	}
	return number(low), min(number(high), size-1), true
}

// beyond are cases of things that the naive cache leaves out: several ranges,
// Cache-Status of other caches, groups, and what the house decides for itself.
var beyond = []string{"range-two-parts", "range-parts-", "range-spaces", "range-many", "group-", "status-", "esi-", "purge-",
	"key-absolute-target", "key-forwarded-host", "fields-lines", "warning-", "incomplete-", "store-unasked"}

// TestNaiveCacheObeysTheTable holds the reference against the table's plain
// cases, without Cache-Status.
func TestNaiveCacheObeysTheTable(t *testing.T) {
	stage := newStage(t)
	server := httptest.NewServer(newNaive(stage.origin.Addr))
	defer server.Close()
	sub := subject{addr: server.Listener.Addr().String(), suffix: "naive.test"}
	for _, tab := range load(t) {
		for _, c := range tab.cases {
			if c.profile != "plain" || slices.ContainsFunc(beyond, func(p string) bool { return strings.HasPrefix(c.name, p) }) {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				for _, problem := range stage.run(c, sub) {
					t.Errorf("%s: %s", c.section, problem)
				}
			})
		}
	}
}
