package rules

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
)

// answerWith is a 200 with one field.
func answerWith(name, value string) *message.Response {
	resp := &message.Response{Status: 200}
	resp.Add("Date", "Sat, 21 Nov 2026 12:00:00 GMT")
	resp.Add(name, value)
	return resp
}

// FuzzCacheControl checks that any value is read alike by answers and requests,
// that nothing that the strict grammar calls private or no-store is stored, and
// that white space around elements does not matter.
func FuzzCacheControl(f *testing.F) {
	for _, row := range judgeRows {
		for _, part := range parts(row.resp) {
			if value, ok := strings.CutPrefix(part, "Cache-Control:"); ok {
				f.Add(strings.TrimSpace(value))
			}
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !message.ValidValue(value) {
			return
		}
		var v, spaced Verdict
		Judge(&keeping, requestOf(""), answerWith("Cache-Control", value), arrival, arrival, &v)
		Judge(&keeping, requestOf(""), answerWith("Cache-Control", ", "+value+" ,"), arrival, arrival, &spaced)
		if render(&v) != render(&spaced) {
			t.Fatalf("%q: %s, between commas %s", value, render(&v), render(&spaced))
		}
		if v.Store && (saysAlone(value, "private") || saysAlone(value, "no-store") && !strings.Contains(strings.ToLower(value), "must-understand")) {
			t.Fatalf("%q is stored: %s", value, render(&v))
		}
		if v.Fresh < 0 || v.Grace < 0 || v.StaleIfError < 0 || v.Fresh > maxSeconds*time.Second {
			t.Fatalf("%q: %+v", value, v)
		}
		var h message.Header
		h.Add("Cache-Control", value)
		var d RequestDirectives
		ParseRequest(&h, &d)
		if min(d.MaxAge, d.MinFresh, d.MaxStale, d.StaleIfError) < 0 {
			t.Fatalf("%q: %+v", value, d)
		}
	})
}

// saysAlone reports whether word stands between commas, with no quote before it.
func saysAlone(value, word string) bool {
	value, _, _ = strings.Cut(value, `"`)
	for item := range strings.SplitSeq(value, ",") {
		if strings.EqualFold(strings.Trim(item, " \t"), word) {
			return true
		}
	}
	return false
}

// FuzzTargeted checks that a targeted field counts altogether or not at all, and
// that what counts can be read again from one line or two.
func FuzzTargeted(f *testing.F) {
	for _, row := range judgeRows {
		for _, part := range parts(row.resp) {
			if value, ok := strings.CutPrefix(part, "CDN-Cache-Control:"); ok {
				f.Add(strings.TrimSpace(value), "max-age=1")
			}
		}
	}
	f.Fuzz(func(t *testing.T, value, second string) {
		if !message.ValidValue(value) || !message.ValidValue(second) {
			return
		}
		p := Policy{Targeted: []string{"CDN-Cache-Control"}, Keep: time.Hour}
		resp := answerWith("CDN-Cache-Control", value)
		resp.Add("Cache-Control", "max-age=77")
		var v Verdict
		Judge(&p, requestOf(""), resp, arrival, arrival, &v)
		if v.Sums.Targeted == 0 && render(&v) != "max-age 77" {
			t.Fatalf("%q counts for nothing, and yet: %s", value, render(&v))
		}
		var one, two control
		lines := answerWith("CDN-Cache-Control", value)
		lines.Add("CDN-Cache-Control", second)
		joined := answerWith("CDN-Cache-Control", value+", "+second)
		if message.ValidValue(value+", "+second) && value != "" && second != "" {
			if a, b := one.targeted(&lines.Header, "CDN-Cache-Control"), two.targeted(&joined.Header, "CDN-Cache-Control"); a != b {
				t.Fatalf("%q and %q: two lines %t, one %t", value, second, a, b)
			}
		}
		if v.Fresh < 0 || v.Fresh > maxSeconds*time.Second {
			t.Fatalf("%q: %v", value, v.Fresh)
		}
	})
}

// FuzzVary checks that any Vary gives a text that matches its own request, that
// the measure of Judge and the text agree, and that damaged texts are harmless.
func FuzzVary(f *testing.F) {
	f.Add("Accept-Encoding, X", "gzip, br;q=0.5", "1", []byte{})
	f.Add("*", "", "", []byte{1, 2, 3, 4, 5})
	f.Add("accept-language", "de, en;q=0.1", "*;q=0", []byte("\x00\x01x\x00\x01a"))
	f.Fuzz(func(t *testing.T, vary, a, b string, blob []byte) {
		if !message.ValidValue(vary) || !message.ValidValue(a) || !message.ValidValue(b) {
			return
		}
		req := requestOf("")
		for _, name := range []string{"Accept-Encoding", "Accept-Language", "X"} {
			req.Add(name, a)
			req.Add(name, b)
		}
		p := &Policy{NormaliseCoding: len(a)%2 == 0}
		MatchVary(blob, req, p)
		var h message.Header
		h.Add("Vary", vary)
		text, reason := AppendVary(nil, req, &h, p)
		if again := varies(req, &h, p); again != reason {
			t.Fatalf("%s, measured %s", reason, again)
		}
		if reason == Storable && !MatchVary(text, req, p) {
			t.Fatalf("%q does not match its own request", text)
		}
		if saysAlone(vary, "*") && reason == Storable {
			t.Fatalf("%q matches", vary)
		}
	})
}

// FuzzTags checks that tags hold no separators, and that groups come from lists
// that are read to their end alone.
func FuzzTags(f *testing.F) {
	f.Add(`a b,c`)
	f.Add(`"a", "b";p, c, ("d")`)
	f.Add(`"a\"b", "c`)
	f.Fuzz(func(t *testing.T, value string) {
		if !message.ValidValue(value) {
			return
		}
		var h message.Header
		h.Add("xkey", value)
		h.Add("Cache-Groups", value)
		for _, tag := range AppendTags(nil, &h, []string{"xkey"}) {
			if len(tag) == 0 || bytes.ContainsAny(tag, " ,\t") {
				t.Fatalf("%q: tag %q", value, tag)
			}
		}
		req := requestOf("")
		for _, tag := range AppendGroups(nil, req, &h) {
			group, ok := bytes.CutPrefix(tag, GroupTag(nil, req, nil))
			if !ok {
				t.Fatalf("%q: group %q", value, tag)
			}
			// What was read is read again when it is written as a list of one.
			again := appendString(nil, group)
			var h message.Header
			h.AddBytes([]byte("Cache-Groups"), again)
			if list := AppendGroups(nil, req, &h); len(list) != 1 || !bytes.Equal(list[0], tag) {
				t.Fatalf("%q: group %q is read again as %q", value, group, list)
			}
		}
	})
}

// FuzzDates checks that a date that is read is written and read as the same, and
// that no combination of Age, Date and Expires makes times negative.
func FuzzDates(f *testing.F) {
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT", "5", "0")
	f.Add("Sunday, 06-Nov-94 08:49:37 GMT", "99999999999", "Sun Nov  6 08:49:37 1994")
	f.Fuzz(func(t *testing.T, date, age, expires string) {
		if !message.ValidValue(date) || !message.ValidValue(age) || !message.ValidValue(expires) {
			return
		}
		if unix, ok := ParseDate([]byte(date), arrival); ok {
			text := []byte(httpDate(time.Unix(unix, 0)))
			if again, ok := ParseDate(text, arrival); !ok || again != unix {
				t.Fatalf("%q: written %q, read %d, was %d", date, text, again, unix)
			}
		}
		resp := &message.Response{Status: 200}
		resp.Add("Date", date)
		resp.Add("Age", age)
		resp.Add("Expires", expires)
		resp.Add("Last-Modified", expires)
		var v Verdict
		Judge(&keeping, requestOf(""), resp, arrival, arrival, &v)
		at := v.Times(arrival)
		if v.Age < 0 || v.Fresh < 0 || at.Age(arrival.UnixNano()) != int64(v.Age) || v.Store && at.Ends() < arrival.UnixNano() {
			t.Fatalf("%+v", v)
		}
	})
}
