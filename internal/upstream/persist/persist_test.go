package persist

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
)

func TestTagger(t *testing.T) {
	a, again, other := NewTagger([]byte("secret")), NewTagger([]byte("secret")), NewTagger(nil)
	tag := a.Tag("app", "s1")
	if len(tag) != tagLength || strings.Contains(tag, "s1") {
		t.Errorf("tag %q is not opaque and %d characters long", tag, tagLength)
	}
	if again.Tag("app", "s1") != tag {
		t.Error("the same secret gives another tag")
	}
	for what, different := range map[string]string{
		"another secret": other.Tag("app", "s1"), "another server": a.Tag("app", "s2"),
		"another backend": a.Tag("ap", "ps1"),
	} {
		if different == tag {
			t.Errorf("%s gives the same tag", what)
		}
	}
	if p, ok := a.Parse([]byte(tag)); !ok || p.Tag != tag || !p.Issued.IsZero() {
		t.Errorf("parse %q: %+v, %v", tag, p, ok)
	}
}

func TestDated(t *testing.T) {
	a := NewTagger([]byte("secret"))
	tag, issued, renewed := a.Tag("app", "s1"), time.Unix(1e9, 0), time.Unix(1e9+60, 0)
	value := a.Dated(tag, issued, renewed)
	if p, ok := a.Parse([]byte(value)); !ok || p.Tag != tag || !p.Issued.Equal(issued) || !p.Renewed.Equal(renewed) {
		t.Errorf("parse %q: %+v, %v", value, p, ok)
	}
	parts := strings.Split(value, ".")
	for _, bad := range []string{
		"", "x", tag + ".", tag + "." + parts[1] + "." + parts[2],
		tag + "." + parts[1] + ".zzzzzzz." + parts[3],                         // a later renewal
		a.Tag("app", "s2") + "." + parts[1] + "." + parts[2] + "." + parts[3], // another server
		value + "x", value + ".", strings.ToUpper(value),
	} {
		if p, ok := a.Parse([]byte(bad)); ok {
			t.Errorf("parse %q: accepted as %+v", bad, p)
		}
	}
}

func TestName(t *testing.T) {
	a := NewTagger([]byte("secret"))
	for _, cookie := range []string{"PHPSESSION", "JSESSIONID", "sixsix", "__Host-session"} {
		name, ok := a.Name(cookie, "app", "s1")
		second, _ := a.Name(cookie, "app", "s2")
		if !ok || len(name) != len(cookie) || name == second || !message.ValidName(name) {
			t.Errorf("%s becomes %q and %q", cookie, name, second)
		}
		if !a.OwnName(name, cookie, "app") || a.OwnName(cookie, cookie, "app") || a.OwnName(name, cookie, "other") {
			t.Errorf("%s: %q is not told from other names", cookie, name)
		}
		if strings.HasPrefix(cookie, "__Host-") && !strings.HasPrefix(name, "__Host-") {
			t.Errorf("%s lost its prefix: %s", cookie, name)
		}
	}
	if _, ok := a.Name("five5", "app", "s1"); ok {
		t.Error("a name without room was rewritten")
	}
}

func TestTable(t *testing.T) {
	table := NewTable(0, time.Minute, func(string, int64) {})
	now := time.Hour.Nanoseconds()
	table.Put([]byte("k"), "a", now)
	table.Put([]byte("k"), "b", now)
	if v, ok := table.Find([]byte("k"), now+int64(59*time.Second), true); !ok || v != "b" {
		t.Errorf("found %q, %v", v, ok)
	}
	if _, ok := table.Find([]byte("k"), now+int64(118*time.Second), true); !ok {
		t.Error("a use does not renew")
	}
	if _, ok := table.Find([]byte("k"), now+int64(178*time.Second), true); ok || table.Len() != 0 {
		t.Error("an old entry is found")
	}
	table.Put([]byte("x"), "a", now)
	table.Put([]byte("y"), "b", now+1)
	if l := table.List(10); len(l) != 2 || l[0].Key != "y" || l[1].Value != "a" {
		t.Errorf("list %v", l)
	}
	table.Put([]byte("z"), "c", now+2)
	table.Sweep(now, func(v string) (string, bool) { return strings.ReplaceAll(v, "c", "d"), v != "a" })
	if l := table.List(10); len(l) != 2 || l[0].Value != "d" || l[1].Key != "y" {
		t.Errorf("after sweeping a: %v", l)
	}
	if n := table.Clear(); n != 2 || table.Len() != 0 {
		t.Errorf("cleared %d, left %d", n, table.Len())
	}
}

func TestTableBound(t *testing.T) {
	table := NewTable(1600, 0, func(int, int64) {})
	for i := range 10000 {
		table.Put(fmt.Append(nil, i), i, int64(i))
	}
	if n := table.Len(); n > 1600 || n < 1500 {
		t.Errorf("%d entries, bound 1600", n)
	}
	if table.Evicted() != int64(10000-table.Len()) {
		t.Errorf("%d evicted", table.Evicted())
	}
	if _, ok := table.Find([]byte("9999"), 10000, true); !ok {
		t.Error("the latest entry is gone")
	}
	if _, ok := table.Find([]byte("0"), 10000, true); ok {
		t.Error("the oldest entry stays")
	}
	table.Limit(160, 0)
	for i := range 1000 {
		table.Put(fmt.Append(nil, "n", i), i, 20000)
	}
	if n := table.Len(); n > 160 {
		t.Errorf("%d entries after lowering the bound to 160", n)
	}
	table.Limit(160, time.Second)
	table.Sweep(int64(time.Hour), nil)
	if n := table.Len(); n != 0 {
		t.Errorf("%d entries are not swept", n)
	}
}

func TestTableFindAllocatesNothing(t *testing.T) {
	table, key := NewTable(100, time.Minute, func(int, int64) {}), []byte("192.0.2.1")
	table.Put(key, 1, 1)
	if n := testing.AllocsPerRun(100, func() { table.Find(key, 2, true) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEditCookies(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   string
	}{
		{[]string{"SRV=x"}, ""},
		{[]string{"a=1; SRV=x; b=2"}, "a=1; b=2"},
		{[]string{"SRV=x;a=1"}, "a=1"},
		{[]string{"a=1;b=2"}, "a=1;b=2"}, // nothing to change: not touched
		{[]string{"SRV=x", "a=1; SRV=y"}, "a=1"},
		{[]string{"SRVX=x; flag; RENAME=v"}, "SRVX=x; flag; NEW=v!"},
		{[]string{"SRV=\"x\"; a==;"}, "a==; "},
	} {
		var req message.Request
		for _, f := range c.fields {
			req.Add("Cookie", f)
		}
		EditCookies(&req, func(name, value []byte) ([]byte, []byte, bool) {
			if string(name) == "RENAME" {
				return []byte("NEW"), append(value, '!'), true
			}
			return name, value, string(name) != "SRV"
		})
		var got []string
		for i := range req.Len() {
			got = append(got, string(req.Value(i)))
		}
		if s := strings.Join(got, " | "); s != c.want {
			t.Errorf("%q becomes %q, want %q", c.fields, s, c.want)
		}
	}
}

func TestEditSetCookies(t *testing.T) {
	var resp message.Response
	resp.Add("Set-Cookie", "sid=abc; Path=/; HttpOnly")
	resp.Add("Set-Cookie", "other=1")
	resp.Add("Set-Cookie", " sid =")
	EditSetCookies(&resp, func(name, value []byte) ([]byte, []byte, bool) {
		return []byte("SID"), append([]byte("tag~"), value...), string(name) == "sid"
	})
	want := []string{"SID=tag~abc; Path=/; HttpOnly", "other=1", "SID=tag~"}
	for i, w := range want {
		if got := string(resp.Value(i)); got != w {
			t.Errorf("field %d is %q, want %q", i, got, w)
		}
	}
}

func TestSetCookie(t *testing.T) {
	for _, c := range []struct {
		p    model.Persist
		want string
	}{
		{model.Persist{Name: "SRV"}, "SRV=v; Path=/"},
		{model.Persist{Name: "SRV", Path: "/a", Domain: "x.test", MaxAge: time.Hour, HTTPOnly: true, Secure: true, SameSite: "Lax"},
			"SRV=v; Path=/a; Max-Age=3600; Domain=x.test; HttpOnly; Secure; SameSite=Lax"},
	} {
		if got := SetCookie(&c.p, "v"); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	a := NewTagger([]byte("secret"))
	f.Add(a.Tag("app", "s1"))
	f.Add(a.Dated(a.Tag("app", "s1"), time.Unix(1, 0), time.Unix(2, 0)))
	f.Fuzz(func(t *testing.T, value string) {
		p, ok := a.Parse([]byte(value))
		if ok && !p.Issued.IsZero() && a.Dated(p.Tag, p.Issued, p.Renewed) != value {
			t.Errorf("%q is accepted as %+v", value, p)
		}
	})
}

// TestWallClockIsSet: set forward by more than its age, the table forgets a client
// that was here a moment ago; set back, nobody is forgotten.
func TestWallClockIsSet(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for after, want := range map[time.Duration]bool{29 * time.Minute: true, -time.Hour: true, time.Hour: false} {
		table := NewTable(10, 30*time.Minute, func(int, int64) {})
		table.Put([]byte("a"), 7, now.UnixNano())
		then := now.Add(after).UnixNano()
		table.Sweep(then, nil)
		if _, ok := table.Find([]byte("a"), then, true); ok != want {
			t.Errorf("%v after it was used the client is known: %v, want %v", after, ok, want)
		}
	}
}
