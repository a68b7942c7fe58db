package esi

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestResolve(t *testing.T) {
	base := Base{Host: []byte("shop.test"), Path: []byte("/a/b/page"), Same: func(h []byte) bool { return string(h) == "www.shop.test" }}
	tests := []struct {
		src, target, host string
		err               error
	}{
		{"/x", "/x", "shop.test", nil},
		{"/x?y=1&z#f", "/x?y=1&z", "shop.test", nil},
		{"x", "/a/b/x", "shop.test", nil},
		{"./x", "/a/b/x", "shop.test", nil},
		{"../x", "/a/x", "shop.test", nil},
		{"../../../x", "/x", "shop.test", nil},
		{"..", "/a/", "shop.test", nil},
		{"/x/../y/.", "/y/", "shop.test", nil},
		{"/x/%2e%2E/y", "/y", "shop.test", nil},
		{"/.../y", "/.../y", "shop.test", nil},
		{"?q", "/a/b/page?q", "shop.test", nil},
		{"//shop.test/x", "/x", "shop.test", nil},
		{"http://shop.test", "/", "shop.test", nil},
		{"https://SHOP.test:8443?q", "/?q", "shop.test", nil},
		{"http://www.shop.test/x", "/x", "www.shop.test", nil},
		{"/a b/ä|", "/a%20b/%C3%A4%7C", "shop.test", nil},
		{"/a%20b", "/a%20b", "shop.test", nil},
		{"/x?../y", "/x?../y", "shop.test", nil},
		{`http://shop.test\evil.test/`, "/%5Cevil.test/", "shop.test", nil},
		{`\\evil.test/x`, "/a/b/%5C%5Cevil.test/x", "shop.test", nil},
		{"a/b:c", "/a/b/a/b:c", "shop.test", nil},
		{"", "", "", ErrSyntax},
		{"#x", "", "", ErrSyntax},
		{"http:x", "", "", ErrSyntax},
		{":x", "", "", ErrSyntax},
		{"http:///x", "", "", ErrSyntax},
		{"//shop.test:a/", "", "", ErrSyntax},
		{"file:///etc/passwd", "", "", ErrScheme},
		{"javascript:alert(1)", "", "", ErrScheme},
		{"gopher://shop.test/", "", "", ErrScheme},
		{"http://evil.test/x", "", "", ErrHost},
		{"//evil.test/x", "", "", ErrHost},
		{"//127.0.0.1:9/x", "", "", ErrHost},
		{"//[::1]:9/x", "", "", ErrHost},
		{"//shop.test%2f.evil.test/", "", "", ErrHost},
		{"http://shop.test@evil.test/", "", "", ErrUserInfo},
		{"http://u:p@shop.test/", "", "", ErrUserInfo},
		{"/x\r\nHost: evil", "", "", ErrByte},
		{"/x\x00", "", "", ErrByte},
		{"/x\ty", "", "", ErrByte},
		{"/" + strings.Repeat("x", MaxTarget), "", "", ErrLength},
		{"/" + strings.Repeat(" ", MaxTarget/2), "", "", ErrLength},
	}
	for _, tt := range tests {
		target, host, err := Resolve(nil, &base, []byte(tt.src))
		if !errors.Is(err, tt.err) {
			t.Errorf("Resolve(%q) = %q, %v, want %v", tt.src, target, err, tt.err)
			continue
		}
		if err == nil && (string(target) != tt.target || string(host) != tt.host) {
			t.Errorf("Resolve(%q) = %q at %q, want %q at %q", tt.src, target, host, tt.target, tt.host)
		}
	}
}

// sound says what is wrong with a target that Resolve made.
func sound(target []byte) string {
	if len(target) == 0 || target[0] != '/' {
		return "does not begin with a slash"
	}
	path, _, _ := bytes.Cut(target, []byte("?"))
	for _, c := range target {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return "holds a byte that may end the request line"
		}
	}
	for _, segment := range bytes.Split(path, []byte("/")) {
		if dotSegment(segment) > 0 {
			return "holds a dot segment"
		}
	}
	return ""
}

// TestResolveIsSound is the property that a target, if there is one, is fit for a
// request line and asks the page's own host.
func TestResolveIsSound(t *testing.T) {
	parts := []string{"/", "..", ".", "%2e", "x", "?", "#", ":", "@", "//", "http", "https:", "shop.test", "evil", "\\", "\n", "\x00", " ", "ä", "&", "=", "[", "]", "%"}
	rapid.Check(t, func(t *rapid.T) {
		src := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 9).Draw(t, "src"), "")
		checkResolve(t, []byte(src))
	})
}

func checkResolve(t interface{ Fatalf(string, ...any) }, src []byte) {
	base := Base{Host: []byte("shop.test"), Path: []byte("/dir/page")}
	target, host, err := Resolve(nil, &base, src)
	if err != nil {
		return
	}
	if wrong := sound(target); wrong != "" {
		t.Fatalf("Resolve(%q) = %q, which %s", src, target, wrong)
	}
	if string(host) != "shop.test" {
		t.Fatalf("Resolve(%q) asks %q", src, host)
	}
	again, _, err := Resolve(nil, &base, append([]byte("//shop.test"), target...))
	if err != nil || !bytes.Equal(again, target) {
		t.Fatalf("Resolve(%q) = %q, and of that %q, %v", src, target, again, err)
	}
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{"/x", "../y?z", "//shop.test:80/a", "http://u@h/", "/%2e%2e/", "javascript:x", "/\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) { checkResolve(t, src) })
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		"&lt;&gt;&amp;&quot;&apos;": `<>&"'`,
		"a&b=c&d":                   "a&b=c&d",
		"&#65;&#x41;&#x1F600;":      "AA😀",
		"&#xD800;&#x110000;&#;&#x;": "&#xD800;&#x110000;&#;&#x;",
		"&nbsp;&amp":                "&nbsp;&amp",
		"&amp;amp;":                 "&amp;",
		"a\nb\tc":                   "a b c",
		"&#10;":                     "\n",
		"&#-1;&#+1;":                "&#-1;&#+1;",
	} {
		if got := string(unescape(nil, []byte(in))); got != want {
			t.Errorf("unescape(%q) = %q, want %q", in, got, want)
		}
	}
}
