package tenant

import "testing"

func TestFeedSpeaksXML(t *testing.T) {
	tn := hosted(t, "../../../sdk/examples/hosted/feed.cpp")
	for _, c := range []struct {
		method, path, send string
		status             int
		body               string
	}{
		{"POST", "/order", `<order><item price="3" count="2"/><item price="4"/></order>`, 200, "<receipt items=\"2\" sum=\"10.00\"/>\n"},
		{"POST", "/order", `<order><item`, 400, "bad order: expected >\n"},
		{"GET", "/feed/a", "", 200, "Pears & plums\n"},
		{"GET", "/feed/b", "", 200, "Cherries\n"},
		{"GET", "/feed/%3Cc", "", 404, "<none id=\"%3Cc\"/>\n"},
	} {
		req := request(c.path)
		req.Method = []byte(c.method)
		if resp, body := exchanged(t, tn, req, c.send); resp.Status != c.status || body != c.body {
			t.Errorf("%s %s: %d %q", c.path, c.send, resp.Status, body)
		}
	}
}
