package config

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// counted is a file system that counts what is read of each file.
type counted struct {
	fstest.MapFS
	reads map[string]int
}

func (c *counted) ReadFile(name string) ([]byte, error) {
	c.reads[name]++
	return c.MapFS.ReadFile(name)
}

// TestLargeFilesAreReadOnce: a file that is used in many places is read once, and
// takes memory once.
func TestLargeFilesAreReadOnce(t *testing.T) {
	const uses, size = 100, 1 << 20
	list := strings.Repeat("10.1.2.3\n", size/9)
	for name, text := range map[string]string{
		"bodies":  "vhost \"v\" {\n" + times(uses, "  route \"r%d\" {\n    path = \"/%d\"\n    respond {\n      body = file(\"large\")\n    }\n  }\n") + "}\n",
		"failure": "vhost \"v\" {\n  backend = \"b\"\n}\n" + times(uses, "vhost \"v%d\" {\n  hosts = [\"v%d.example\"]\n  backend = \"b\"\n  cache {\n    synthetic {\n      body = file(\"large\")\n    }\n  }\n}\n"),
		"locals":  "locals {\n  all = [" + strings.Repeat("file(\"large\"), ", uses/2) + "]\n}\nvhost \"v\" {\n  backend = \"b\"\n}\n",
		"words":   "vhost \"v\" {\n" + times(uses, "  route \"r%d\" {\n    when = one_of(path, file_set(\"large\"))\n    backend = \"b\"\n  }\n") + "}\n",
		"nets":    "vhost \"v\" {\n" + times(uses, "  route \"r%d\" {\n    when = cidr(client.ip, file_set(\"large\"))\n    backend = \"b\"\n  }\n") + "}\n",
		"bypass":  "vhost \"v\" {\n  backend = \"b\"\n}\n" + times(uses, "vhost \"v%d\" {\n  hosts = [\"v%d.example\"]\n  backend = \"b\"\n  cache {\n    bypass = one_of(path, file_set(\"large\"))\n  }\n}\n"),
		"pairs":   "vhost \"v\" {\n  backend = \"b\"\n}\n" + times(uses, "certificate \"c%d\" {\n  cert = \"large\"\n  key = \"large\"\n}\n"),
	} {
		disk := &counted{fstest.MapFS{"large": {Data: []byte(list)}}, map[string]int{}}
		disk.MapFS["site.hcl"] = &fstest.MapFile{Data: []byte("listener \"web\" {\n  bind = [\"127.0.0.1:0\"]\n}\nbackend \"b\" {\n  servers = [\"127.0.0.1:1\"]\n}\n" + text)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, diags := Load(Options{FS: disk, Path: "/site.hcl"})
		runtime.ReadMemStats(&after)
		if name != "pairs" && diags.HasErrors() {
			t.Errorf("%s: the text of this test is wrong: %.3s", name, diags)
		}
		if made := (after.TotalAlloc - before.TotalAlloc) >> 20; disk.reads["large"] != 1 || made > 40 {
			t.Errorf("%s: %d reads, %d MiB", name, disk.reads["large"], made)
		}
	}
}

// TestCertificatesAreSmall: what is far too large for one is not read.
func TestCertificatesAreSmall(t *testing.T) {
	disk := &counted{fstest.MapFS{"large": {Data: make([]byte, 1<<20+1)}}, map[string]int{}}
	disk.MapFS["site.hcl"] = &fstest.MapFile{Data: []byte("certificate \"c\" {\n  cert = \"large\"\n  key = \"large\"\n}\n")}
	_, diags := Load(Options{FS: disk, Path: "/site.hcl"})
	if disk.reads["large"] != 0 || !slices.ContainsFunc(diags, func(d Diagnostic) bool {
		return strings.Contains(d.Summary, "has at most 1048576 bytes") && d.Line == 2
	}) {
		t.Errorf("%d reads, %.3s", disk.reads["large"], diags)
	}
}

// TestListsAreReadAgain: what looks things up in a file is made anew by each load,
// also where another read the file before it.
func TestListsAreReadAgain(t *testing.T) {
	disk := fstest.MapFS{
		"list": {Data: []byte("a.example\n")},
		"site.hcl": {Data: []byte("listener \"web\" {\n  bind = [\"127.0.0.1:0\"]\n}\nbackend \"b\" {\n  servers = [\"127.0.0.1:1\"]\n}\n" +
			times(2, "vhost \"v%d\" {\n  hosts = [\"v%d.example\"]\n  route \"r\" {\n    when = one_of(host, file_set(\"list\"))\n    backend = \"b\"\n  }\n}\n"))},
	}
	m := &Memory{}
	first, diags := Load(Options{FS: disk, Path: "/site.hcl", Memory: m})
	again, _ := Load(Options{FS: disk, Path: "/site.hcl", Memory: m})
	if first == nil || again == nil {
		t.Fatal(diags)
	}
	for i := range first.VHosts {
		if first.VHosts[i] == again.VHosts[i] {
			t.Errorf("%s was taken over with what its file held", first.VHosts[i].Name)
		}
	}
	if first.Backends[0] != again.Backends[0] {
		t.Error("the backend was not taken over")
	}
}
