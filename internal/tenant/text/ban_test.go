package text

import (
	"testing"

	"fishplate/internal/cache/bans"
)

func TestBan(t *testing.T) {
	for in, want := range map[string]string{
		`obj.age > 60s`:                     `obj.age > 60s`,
		`req.url ~ ^/img`:                   `match(obj.url, "(?:\\A[a-z]*://[^/\\?]*/img)")`,
		`req.url ~ "\\.png$"`:               `match(obj.url, "^[a-z]*://[^/?]*.*(?:(?-m:\\.png$))")`,
		`req.url == /a?b`:                   `match(obj.url, "^[a-z]*://[^/?]*(?:/a\\?b)$")`,
		`req.url != /a`:                     `!match(obj.url, "^[a-z]*://[^/?]*(?:/a)$")`,
		`req.http.host == a.test`:           `obj.host == "a.test"`,
		`obj.http.X-Build == "4\"1"`:        `obj.header("X-Build") == "4\"1"`,
		`obj.http.a !~ b && req.url ~ "&&"`: `!match(obj.header("a"), "b") && match(obj.url, "^[a-z]*://[^/?]*.*(?:&&)")`,
		`obj.status != 200 && req.url ~ x`:  `obj.status != 200 && match(obj.url, "^[a-z]*://[^/?]*.*(?:x)")`,
		`req.url`:                           "", `req.url ~ (`: "", `req.http.cookie ~ x`: "", `req.url < x`: "", `obj.status ~ x`: "", `obj.http.a == "x`: "", `req.url ~ `: "",
	} {
		got, err := Ban(in)
		if (err != nil) != (want == "") || want[:min(8, len(want))] != got[:min(8, len(got))] {
			t.Errorf("%s: %q, %v", in, got, err)
			continue
		}
		if err != nil {
			continue
		}
		if _, err := bans.Compile(got); err != nil {
			t.Errorf("%s becomes %s: %v", in, got, err)
		}
		if got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}
