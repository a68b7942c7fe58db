package partial

import (
	"strings"
	"testing"

	"fishplate/internal/message"
)

// ask builds a request; a field is "Name: value".
func ask(method string, fields ...string) *message.Request {
	r := &message.Request{Method: []byte(method)}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Add(name, value)
	}
	return r
}

const (
	early  = "Sun, 06 Nov 1994 08:49:36 GMT"
	stamp  = "Sun, 06 Nov 1994 08:49:37 GMT"
	late   = "Sun, 06 Nov 1994 08:49:38 GMT"
	stampS = 784111777
)

func page() Object {
	return Object{Status: 200, ETag: []byte(`"a"`), LastModified: []byte(stamp), Date: (stampS + 60) * second, Length: 1000, Type: []byte("text/plain")}
}

func TestEvaluate(t *testing.T) {
	weak := func(o *Object) { o.ETag = []byte(`W/"a"`) }
	noTag := func(o *Object) { o.ETag = nil }
	noDate := func(o *Object) { o.LastModified = nil }
	bare := func(o *Object) { o.ETag, o.LastModified = nil, nil }
	ours := func(o *Object) { o.Origin = true }
	for _, c := range []struct {
		section string
		method  string
		object  func(*Object)
		fields  string
		want    Condition
	}{
		// RFC 9110 §13.1.2 and §8.8.3.2
		{"13.1.2 same tag", "GET", nil, `If-None-Match: "a"`, NotModified},
		{"13.1.2 HEAD too", "HEAD", nil, `If-None-Match: "a"`, NotModified},
		{"13.1.2 other tag", "GET", nil, `If-None-Match: "b"`, Proceed},
		{"13.1.2 a list", "GET", nil, `If-None-Match: "x", "a" , "y"`, NotModified},
		{"13.1.2 two lines", "GET", nil, "If-None-Match: \"x\"\nIf-None-Match: \"a\"", NotModified},
		{"13.1.2 weak of the client", "GET", nil, `If-None-Match: W/"a"`, NotModified},
		{"13.1.2 weak of ours", "GET", weak, `If-None-Match: "a"`, NotModified},
		{"13.1.2 both weak", "GET", weak, `If-None-Match: W/"a"`, NotModified},
		{"8.8.3 case matters", "GET", nil, `If-None-Match: "A"`, Proceed},
		{"8.8.3 w/ is no prefix", "GET", nil, `If-None-Match: w/"a"`, Proceed},
		{"13.1.2 any", "GET", nil, `If-None-Match: *`, NotModified},
		{"13.1.2 any, without a tag", "GET", bare, `If-None-Match: *`, NotModified},
		{"13.1.2 * in a list is a member that is no tag", "GET", nil, `If-None-Match: *, "b"`, Proceed},
		{"13.1.2 no tag stored", "GET", noTag, `If-None-Match: "a"`, Proceed},
		{"13.1.2 comma in a tag", "GET", func(o *Object) { o.ETag = []byte(`"a,b"`) }, `If-None-Match: "x", "a,b"`, NotModified},
		{"13.1.2 half of a tag with a comma", "GET", nil, `If-None-Match: "a,b"`, Proceed},
		{"5.6.1.2 empty members", "GET", nil, `If-None-Match: , ,"a",`, NotModified},
		{"13.1.2 unquoted, stored so", "GET", func(o *Object) { o.ETag = []byte(`abc`) }, `If-None-Match: abc`, NotModified},
		{"13.1.2 unquoted is not quoted", "GET", nil, `If-None-Match: a`, Proceed},
		{"13.1.2 open quote", "GET", nil, `If-None-Match: "a`, Proceed},
		{"13.1.2 garbage behind the tag", "GET", nil, `If-None-Match: "a"b`, Proceed},
		{"13.1.2 empty", "GET", nil, `If-None-Match: `, Proceed},
		{"13.1.2 a write, at the origin", "PUT", ours, `If-None-Match: *`, PreconditionFailed},
		{"13.1.2 a write, in a cache", "PUT", nil, `If-None-Match: *`, Forward},
		// §13.1.3
		{"13.1.3 same date", "GET", nil, "If-Modified-Since: " + stamp, NotModified},
		{"13.1.3 later date", "GET", nil, "If-Modified-Since: " + late, NotModified},
		{"13.1.3 earlier date", "GET", nil, "If-Modified-Since: " + early, Proceed},
		{"13.1.3 RFC 850 form", "GET", nil, "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", NotModified},
		{"13.1.3 asctime form", "GET", nil, "If-Modified-Since: Sun Nov  6 08:49:37 1994", NotModified},
		{"13.1.3 no date", "GET", nil, "If-Modified-Since: yesterday", Proceed},
		{"13.1.3 another zone", "GET", nil, "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 CET", Proceed},
		{"13.1.3 two of them", "GET", nil, "If-Modified-Since: " + stamp + "\nIf-Modified-Since: " + stamp, Proceed},
		{"13.1.3 only GET and HEAD", "POST", nil, "If-Modified-Since: " + stamp, Proceed},
		{"13.1.3 If-None-Match comes first, and says changed", "GET", nil, "If-None-Match: \"b\"\nIf-Modified-Since: " + late, Proceed},
		{"13.1.3 If-None-Match comes first, and says same", "GET", nil, "If-None-Match: \"a\"\nIf-Modified-Since: " + early, NotModified},
		{"13.1.3 If-None-Match is not evaluated without a tag, and still comes first", "GET", noTag, "If-None-Match: \"a\"\nIf-Modified-Since: " + late, Proceed},
		{"RFC 9111 4.3.2 Date for Last-Modified", "GET", noDate, "If-Modified-Since: Sun, 06 Nov 1994 08:50:37 GMT", NotModified},
		{"RFC 9111 4.3.2 Date for Last-Modified, later", "GET", noDate, "If-Modified-Since: Sun, 06 Nov 1994 08:50:36 GMT", Proceed},
		{"13.1.3 the origin has no modification date", "GET", func(o *Object) { noDate(o); ours(o) }, "If-Modified-Since: " + late, Proceed},
		// §13.1.1
		{"13.1.1 holds", "GET", nil, `If-Match: "a"`, Proceed},
		{"13.1.1 any", "GET", bare, `If-Match: *`, Proceed},
		{"13.1.1 strong comparison", "GET", weak, `If-Match: W/"a"`, Forward},
		{"13.1.1 not a cache's to refuse", "GET", nil, `If-Match: "b"`, Forward},
		{"13.1.1 the origin's", "GET", ours, `If-Match: "b"`, PreconditionFailed},
		{"13.1.1 HEAD", "HEAD", ours, `If-Match: "b"`, PreconditionFailed},
		// §13.1.4
		{"13.1.4 holds", "GET", ours, "If-Unmodified-Since: " + stamp, Proceed},
		{"13.1.4 changed since", "GET", ours, "If-Unmodified-Since: " + early, PreconditionFailed},
		{"13.1.4 changed since, in a cache", "GET", nil, "If-Unmodified-Since: " + early, Forward},
		{"13.1.4 no date", "GET", ours, "If-Unmodified-Since: 0", Proceed},
		{"13.1.4 nothing to compare with", "GET", func(o *Object) { noDate(o); ours(o) }, "If-Unmodified-Since: " + early, Proceed},
		{"13.1.4 If-Match comes first", "GET", ours, "If-Match: \"a\"\nIf-Unmodified-Since: " + early, Proceed},
		// §13.2.2
		{"13.2.2 step 1, then 3", "GET", ours, "If-Match: \"a\"\nIf-None-Match: \"a\"", NotModified},
		{"13.2.2 step 1 fails before 3", "GET", ours, "If-Match: \"b\"\nIf-None-Match: \"a\"", PreconditionFailed},
		{"13.2.2 step 2, then 4", "GET", ours, "If-Unmodified-Since: " + stamp + "\nIf-Modified-Since: " + stamp, NotModified},
		// §13.2.1
		{"13.2.1 OPTIONS", "OPTIONS", ours, `If-Match: "b"`, Proceed},
		{"13.2.1 TRACE", "TRACE", ours, `If-None-Match: *`, Proceed},
		{"13.2.1 not when the answer would be an error", "GET", func(o *Object) { o.Status = 404 }, `If-None-Match: "a"`, Proceed},
		{"13.2.1 nor a redirection", "GET", func(o *Object) { o.Status = 301 }, `If-None-Match: *`, Proceed},
		{"13.2.1 206 is a success", "GET", func(o *Object) { o.Status = 206 }, `If-None-Match: "a"`, NotModified},
	} {
		o := page()
		if c.object != nil {
			c.object(&o)
		}
		req := ask(c.method, strings.Split(c.fields, "\n")...)
		if got := Evaluate(req, Scan(&req.Header), &o); got != c.want {
			t.Errorf("%s: %v, want %v", c.section, got, c.want)
		}
	}
}

func TestIfRange(t *testing.T) {
	for _, c := range []struct {
		section string
		object  func(*Object)
		value   string
		want    bool
	}{
		{"13.1.5 same tag", nil, `"a"`, true},
		{"13.1.5 other tag", nil, `"b"`, false},
		{"13.1.5 weak of the client", nil, `W/"a"`, false},
		{"13.1.5 weak of ours", func(o *Object) { o.ETag = []byte(`W/"a"`) }, `W/"a"`, false},
		{"13.1.5 no list", nil, `"a", "b"`, false},
		{"13.1.5 no star", nil, `*`, false},
		{"13.1.5 exact date", nil, stamp, true},
		{"13.1.5 the same date in another form", nil, "Sun Nov  6 08:49:37 1994", true},
		{"13.1.5 a later date is not exact", nil, late, false},
		{"8.8.2.2 made in the same second", func(o *Object) { o.Date = stampS*second + second - 1 }, stamp, false},
		{"8.8.2.2 made a second later", func(o *Object) { o.Date = (stampS + 1) * second }, stamp, true},
		{"8.8.2.2 nobody knows when", func(o *Object) { o.Date = 0 }, stamp, false},
		{"8.8.2.2 the origin knows its clock", func(o *Object) { o.Date, o.Origin = 0, true }, stamp, true},
		{"13.1.5 no date stored", func(o *Object) { o.LastModified = nil }, stamp, false},
		{"13.1.5 neither", nil, `a`, false},
		{"13.1.5 empty", nil, ``, false},
	} {
		o := page()
		if c.object != nil {
			c.object(&o)
		}
		req := ask("GET", "If-Range: "+c.value)
		if got := RangeApplies(req, Scan(&req.Header), &o); got != c.want {
			t.Errorf("%s: %v", c.section, got)
		}
	}
	o := page()
	if req := ask("GET", `If-Range: "a"`, `If-Range: "a"`); RangeApplies(req, Scan(&req.Header), &o) {
		t.Error("two lines of If-Range are taken for one")
	}
	if req := ask("GET"); !RangeApplies(req, Scan(&req.Header), &o) {
		t.Error("without If-Range the range is not heeded")
	}
}

func TestStripAndRevalidate(t *testing.T) {
	req := ask("GET", "if-match: *", "A: 1", "IF-NONE-MATCH: *", "If-Modified-Since: x", "B: 2", "if-unmodified-since: x", "If-Range: x", "Range: bytes=0-", "If-Rangy: x")
	if got := Scan(&req.Header); got != Conditions|IfRange|RangeField {
		t.Errorf("fields %b", got)
	}
	Strip(&req.Header, IfRange|RangeField)
	if got := Scan(&req.Header); got != Conditions {
		t.Errorf("after ranges were stripped: %b", got)
	}
	if !Revalidate(&req.Header, []byte(`"t"`), []byte(stamp)) {
		t.Error("nothing to ask with")
	}
	if got := lines(&req.Header); got != "A: 1\nB: 2\nIf-Rangy: x\nIf-None-Match: \"t\"\nIf-Modified-Since: "+stamp {
		t.Error(got)
	}
	if Revalidate(&req.Header, nil, nil) || Scan(&req.Header) != 0 {
		t.Error("asks without a validator")
	}
}

func lines(h *message.Header) string {
	var list []string
	for i := range h.Len() {
		list = append(list, string(h.Name(i))+": "+string(h.Value(i)))
	}
	return strings.Join(list, "\n")
}
