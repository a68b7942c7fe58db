package process

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShelfNames(t *testing.T) {
	for _, bind := range []string{":80", "127.0.0.1:80", "[::1%25eth0]:443", "unix:/run/a%3Ab.sock"} {
		name := shelfName(bind, 4, 3)
		if strings.Contains(name, ":") {
			t.Errorf("%q has a colon", name)
		}
		if got, shards, n, ok := shelfAddress(name); got != bind || shards != 4 || n != 3 || !ok {
			t.Errorf("%q is %q %d %d %v", name, got, shards, n, ok)
		}
	}
	for _, name := range []string{"web", "0", "listen/", "listen/1/x", "listen/a/0/x", "listen/1/-1/x", ""} {
		if bind, _, _, ok := shelfAddress(name); ok {
			t.Errorf("%q is one of ours: %q", name, bind)
		}
	}
}

func TestRecall(t *testing.T) {
	files := map[string]*os.File{}
	for _, name := range []string{"web", shelfName(":80", 3, 2), shelfName(":80", 3, 0), shelfName(":80", 3, 1), shelfName(":81", 0, 0)} {
		files[name] = os.NewFile(0, name)
	}
	sockets, others := recall(files)
	got := map[string][]string{}
	for bind, s := range sockets {
		for _, f := range s.files {
			got[bind] = append(got[bind], f.Name())
		}
	}
	want := map[string][]string{":80": {"listen/3/0/%3A80", "listen/3/1/%3A80", "listen/3/2/%3A80"}, ":81": {"listen/0/0/%3A81"}}
	if d := cmp.Diff(want, got); d != "" || sockets[":80"].shards != 3 || len(others) != 1 || others["web"] == nil {
		t.Errorf("%s %v", d, others)
	}
}
