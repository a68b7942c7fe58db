package http1

import (
	"bytes"
	"strings"
	"testing"
)

func TestNormalizePath(t *testing.T) {
	for _, c := range []struct{ in, merge, keep, refuse string }{
		{"/", "/", "/", "/"},
		{"/a/b", "/a/b", "/a/b", "/a/b"},
		{"/a/b/", "/a/b/", "/a/b/", "/a/b/"},
		{"/a//b", "/a/b", "/a//b", "!double-slash"},
		{"//", "/", "//", "!double-slash"},
		{"//a", "/a", "//a", "!double-slash"},
		{"/a///b//", "/a/b/", "/a///b//", "!double-slash"},
		{"/./a", "/a", "/a", "/a"},
		{"/a/.", "/a/", "/a/", "/a/"},
		{"/a/..", "/", "/", "/"},
		{"/a/../b", "/b", "/b", "/b"},
		{"/a/b/../../c", "/c", "/c", "/c"},
		{"/a//../b", "/b", "/a/b", "!double-slash"},
		{"/a/.//b", "/a/b", "/a//b", "!double-slash"},
		{"/a/..//b", "/b", "//b", "!double-slash"},
		{"/...", "/...", "/...", "/..."},
		{"/a/..b", "/a/..b", "/a/..b", "/a/..b"},
		{"/a/.b", "/a/.b", "/a/.b", "/a/.b"},
		{"/a/..;x/b", "/a/..;x/b", "/a/..;x/b", "/a/..;x/b"},
		{"/..", "!path-above-root", "!path-above-root", "!path-above-root"},
		{"/a/../../b", "!path-above-root", "!path-above-root", "!path-above-root"},
		{"/%2e/a", "/a", "/a", "/a"},
		{"/a/%2E%2e/b", "/b", "/b", "/b"},
		{"/a/.%2e/b", "/b", "/b", "/b"},
		{"/a%2fb", "/a%2Fb", "/a%2Fb", "/a%2Fb"},
		{"/a/%2f../b", "/a/%2F../b", "/a/%2F../b", "/a/%2F../b"},
		{"/%7e%41%2D%5f", "/~A-_", "/~A-_", "/~A-_"},
		{"/%3f%23%25", "/%3F%23%25", "/%3F%23%25", "/%3F%23%25"},
		{"/%252e%252e/a", "/%252e%252e/a", "/%252e%252e/a", "/%252e%252e/a"},
		{"/%c3%a9", "/%C3%A9", "/%C3%A9", "/%C3%A9"},
		{"/%5c..%5c", "/%5C..%5C", "/%5C..%5C", "/%5C..%5C"},
		{"/%0d%0a", "/%0D%0A", "/%0D%0A", "/%0D%0A"},
		{"/a|b\"", "/a%7Cb%22", "/a%7Cb%22", "/a%7Cb%22"},
		{"/!$&'()*+,;=:@", "/!$&'()*+,;=:@", "/!$&'()*+,;=:@", "/!$&'()*+,;=:@"},
		{"/%21", "/%21", "/%21", "/%21"},
		{"/%00", "!nul-in-path", "!nul-in-path", "!nul-in-path"},
		{"/%", "!bad-percent", "!bad-percent", "!bad-percent"},
		{"/%4", "!bad-percent", "!bad-percent", "!bad-percent"},
		{"/%4g", "!bad-percent", "!bad-percent", "!bad-percent"},
		{"/\\", "!bad-target", "!bad-target", "!bad-target"},
		{"/ ", "!bad-target", "!bad-target", "!bad-target"},
		{"/\xc3\xa9", "!bad-target", "!bad-target", "!bad-target"},
		{"a", "!bad-target", "!bad-target", "!bad-target"},
		{"", "!bad-target", "!bad-target", "!bad-target"},
	} {
		for policy, want := range map[string]string{"merge": c.merge, "keep": c.keep, "refuse": c.refuse, "": c.merge} {
			if got := normalForm(c.in, policy); got != want {
				t.Errorf("%q %s: got %q, want %q", c.in, policy, got, want)
			}
		}
	}
}

func normalForm(in, policy string) string {
	out, err := NormalizePath([]byte("kept"), []byte(in), policy)
	if err != nil {
		return "!" + err.Error()
	}
	return strings.TrimPrefix(string(out), "kept")
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"/", "/a/../b", "/%2e%2E/", "//a//", "/a%2fb/%41", "/a|{}", "/%zz", "/./.", "/a/..;/"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, path []byte) {
		for _, policy := range []string{"merge", "keep", "refuse"} {
			once, err := NormalizePath(nil, path, policy)
			if err != nil {
				if isNormal(path) {
					t.Fatalf("%q is normal and refused: %v", path, err)
				}
				continue
			}
			twice, err := NormalizePath(nil, once, policy)
			if err != nil || !bytes.Equal(once, twice) {
				t.Fatalf("%q %s: %q, then %q %v", path, policy, once, twice, err)
			}
			if isNormal(path) && !bytes.Equal(once, path) {
				t.Fatalf("%q is normal and becomes %q", path, once)
			}
			if len(once) > 3*len(path) {
				t.Fatalf("%q grew to %d bytes", path, len(once))
			}
			if policy != "keep" && bytes.Contains(once, []byte("//")) {
				t.Fatalf("%q keeps adjacent slashes: %q", path, once)
			}
			for _, segment := range bytes.Split(once, []byte("/")) {
				if s := string(segment); s == "." || s == ".." {
					t.Fatalf("%q keeps a dot segment: %q", path, once)
				}
			}
		}
	})
}
