package lines

import "testing"

func TestSplitTarget(t *testing.T) {
	for target, want := range map[string]string{
		"/": "/", "/a/b?c=d&e": "/a/b?c=d&e", "/a%20b": "/a%20b", "/a//b": "/a/b", "/.hidden": "/.hidden", "/a?../x": "/a?../x",
		"/a/./b": "/a/b", "/a/../b": "/b", "/%61?": "/a?", "/a%2fb": "/a%2Fb",
		"": "", "a": "", "*": "", "/..": "", "/%2e%2e/x": "", "/a%2": "", "/a%zz": "", "/a%00": "", "/a b": "", "/a#b": "",
		"/\x80": "", "/a\x00": "", "/a\r\nX: y": "", "/a?b\n": "", "http://x/": "",
	} {
		got, path, query, has, ok := splitTarget([]byte(target))
		if string(got) != want || ok != (want != "") {
			t.Errorf("%q: %q", target, got)
		}
		whole := string(path)
		if has {
			whole += "?" + string(query)
		}
		if whole != want {
			t.Errorf("%q: path %q, query %q", target, path, query)
		}
	}
}
