package process

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/cmd/fishplate/notify"
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

// TestShelfKeepsAllOrNone: what cannot be given whole is taken back.
func TestShelfKeepsAllOrNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	var files []*os.File
	for range 3 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	s := &shelf{manager: notify.Find(), logger: slog.New(slog.DiscardHandler)}
	heard := func() string {
		t.Helper()
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		word, name, _ := strings.Cut(string(b[:n]), "=1\n")
		return word + " " + name[strings.Index(name, "FDNAME=")+len("FDNAME="):]
	}
	if err := s.give(":80", 3, files); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"FDSTORE listen/3/0/%3A80", "FDSTORE listen/3/1/%3A80", "FDSTORE listen/3/2/%3A80"} {
		if got := heard(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	_ = files[1].Close()
	if err := s.give(":81", 3, files); err == nil {
		t.Error("a closed file was given")
	}
	for _, want := range []string{
		"FDSTORE listen/3/0/%3A81", "FDSTOREREMOVE listen/3/0/%3A81", "FDSTOREREMOVE listen/3/1/%3A81", "FDSTOREREMOVE listen/3/2/%3A81",
	} {
		if got := heard(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
