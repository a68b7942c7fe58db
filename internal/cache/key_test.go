package cache

import (
	"testing"

	"fishplate/internal/message"
)

func request(path, query string) *message.Request {
	return &message.Request{Scheme: "http", Host: []byte("a.test"), Path: []byte(path), Query: []byte(query), HasQuery: query != ""}
}

func TestKeyOfURL(t *testing.T) {
	for _, tt := range []struct {
		name, query, want string
		rule              queryRule
	}{
		{"all", "b=2&a=1", "?b=2&a=1", queryRule{}},
		{"ignored", "b=2", "", queryRule{ignore: true}},
		{"sorted", "b=2&a=1&a=0", "?a=1&a=0&b=2", queryRule{sort: true}},
		{"dropped", "utm_source=x&a=1", "?a=1", queryRule{drop: []string{"utm_*"}}},
		{"all dropped", "utm_source=x", "", queryRule{drop: []string{"utm_*"}}},
		{"kept", "page=1&x=2", "?page=1", queryRule{keep: []string{"page"}}},
		{"kept under another spelling", "pag%65=1&x=2", "?pag%65=1", queryRule{keep: []string{"page"}}},
		{"dropped under another spelling", "%75tm_a=1", "", queryRule{drop: []string{"utm_*"}}},
		{"a broken name counts", "%zz=1", "?%zz=1", queryRule{keep: []string{"page"}}},
		{"a semicolon counts", "utm_x=1;b=3", "?utm_x=1;b=3", queryRule{drop: []string{"utm_*"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := keyRule{scheme: true, host: true, query: tt.rule}
			if got := string(k.appendURL(nil, request("/p", tt.query))); got != "http://a.test/p"+tt.want {
				t.Errorf("key %q, want the query as %q", got, tt.want)
			}
		})
	}
}

func TestKeyPartsStayOnTheirLine(t *testing.T) {
	seen := map[string]string{}
	for _, value := range []string{"1", "1\npart", "1%0Apart", "1%250Apart", "", "%"} {
		text := string(escapeLines([]byte("k\n"+value), len("k\n")))
		for _, c := range text[len("k\n"):] {
			if c == '\n' {
				t.Errorf("value %q has a line end in %q", value, text)
			}
		}
		if other, ok := seen[text]; ok {
			t.Errorf("values %q and %q make the same key", value, other)
		}
		seen[text] = value
	}
}
