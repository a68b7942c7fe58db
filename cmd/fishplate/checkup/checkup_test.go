package checkup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"fishplate/internal/doctor"
)

// run is the verb with these words behind it.
func run(t *testing.T, to Output, words ...string) (code int, err error) {
	t.Helper()
	f := pflag.NewFlagSet("doctor", pflag.ContinueOnError)
	Flags(f)
	if err := f.Parse(words); err != nil {
		t.Fatal(err)
	}
	return Run(t.Context(), f, to)
}

// serving is the socket of a process that serves. Each time that it is asked how it
// does it has accepted five connections more, and 100 of the 128 that may wait do.
func serving(t *testing.T) (socket string) {
	t.Helper()
	// The name of a socket has at most 107 bytes, which a test's folder may exceed.
	dir, err := os.MkdirTemp("", "fp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	var asked atomic.Int64
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	answers := http.NewServeMux()
	answers.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	answers.HandleFunc("/v1/export", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `listener "web" {
  bind = ["127.0.0.1:8080"]
}
vhost "any" {
  route "all" {
    respond {
      body = "ok"
    }
  }
}
`)
	})
	answers.HandleFunc("/v1/status", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"pid": %d, "listeners": [{"name": "web", "bind": ["127.0.0.1:8080"], "accepted": %d,
			"accept": {"shards": 1, "backlog": 128, "granted": 128, "queue": 100, "queue_most": 128, "shed": 3}}]}`, os.Getpid(), 1000+5*asked.Add(1))
	})
	s := &http.Server{Handler: answers}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return socket
}

// TestWatchCountsBetween: what a process that serves has counted before the first
// look is in no interval of --watch.
func TestWatchCountsBetween(t *testing.T) {
	socket := serving(t)
	for _, c := range []struct {
		words []string
		want  string
	}{{[]string{"--watch", "10ms"}, "dropped -1, accepted 5, shed 0"}, {nil, "dropped -1, accepted 1015, shed 3"}} {
		var out bytes.Buffer
		if _, err := run(t, Output{Out: &out, Err: &out}, append(c.words, "--socket", socket, "--only", "tcp.listen-overflow", "--json")...); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%q: no %q in\n%s", c.words, c.want, out.String())
		}
	}
}

// TestSocketFails: the reason is said once.
func TestSocketFails(t *testing.T) {
	_, err := run(t, Output{}, "--socket", filepath.Join(t.TempDir(), "none"), "--only", "cfg")
	if err == nil || strings.Count(err.Error(), "none") != 1 || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// TestPages: what looks at nothing goes with nothing that looks, and is JSON when
// that is asked for.
func TestPages(t *testing.T) {
	for _, words := range []string{
		"--list --host-script", "--list --explain virt.kernel", "--host-script --merge x", "--host-script --json", "--list --sarif", "--list --prom", "--explain virt.kernel --junit",
		"--list --baseline x", "--list --capture x", "--host-script --root x", "--list --fix", "--list --probe", "--list --watch 1s", "--host-script --undo",
	} {
		var out bytes.Buffer
		if _, err := run(t, Output{Out: &out, Err: &out}, strings.Fields(words)...); !errors.As(err, &Usage{}) || out.Len() > 0 {
			t.Errorf("%s: %v, %q", words, err, out.String())
		}
	}
	type check struct {
		ID, Title, Severity, Scope, Path, Reads, Rule, Why string
		Fix, Sources                                       []any
	}
	whole := func(text []byte, into any) {
		t.Helper()
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			t.Errorf("%v in %s", err, text)
		}
	}
	var list []check
	var one check
	var out bytes.Buffer
	if _, err := run(t, Output{Out: &out}, "--list", "--json", "--only", "virt"); err != nil {
		t.Fatal(err)
	}
	whole(out.Bytes(), &list)
	out.Reset()
	if _, err := run(t, Output{Out: &out}, "--explain", "virt.kernel", "--json"); err != nil {
		t.Fatal(err)
	}
	whole(out.Bytes(), &one)
	if len(list) != 14 || one.ID != "virt.kernel" {
		t.Errorf("%d checks, %q", len(list), one.ID)
	}
	for _, c := range append(list, one) {
		if c.ID == "" || c.Title == "" || c.Severity == "" || c.Scope == "" || c.Path == "" || c.Reads == "" || c.Rule == "" || c.Why == "" || c.Fix == nil || c.Sources == nil {
			t.Errorf("something is not said: %+v", c)
		}
	}
}

// full is where nothing more can be written.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, unix.ENOSPC }

// TestPagesUnwritten: a page that could not be written is none.
func TestPagesUnwritten(t *testing.T) {
	for _, words := range []string{"--list", "--list --json", "--explain virt.kernel", "--explain virt.kernel --json", "--host-script"} {
		if code, err := run(t, Output{Out: full{}, Err: full{}}, strings.Fields(words)...); code != doctor.NoRun || !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s: exit %d, %v", words, code, err)
		}
	}
}

// TestWatchStill: where nothing moves, nothing is said to be fine by not having moved.
func TestWatchStill(t *testing.T) {
	const netstat = "TcpExt: ListenOverflows ListenDrops\nTcpExt: 50000 50000\n"
	for name, c := range map[string]struct {
		files map[string]string
		usage bool
	}{
		"capture": {map[string]string{"probe.json": "{}", "proc/net/netstat": netstat}, true},
		"copy":    {map[string]string{"proc/stat": "cpu 1 0 1 5 0 0 0 0\n", "proc/net/netstat": netstat}, false},
	} {
		dir := t.TempDir()
		for file, text := range c.files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		code, err := run(t, Output{Out: &out, Err: &out}, "--root", dir, "--watch", "10ms", "--only", "tcp.listen-overflow", "--json")
		if code != doctor.NoRun || err == nil || errors.As(err, &Usage{}) != c.usage || out.Len() > 0 {
			t.Errorf("%s: exit %d, %v: %s", name, code, err, out.String())
		}
		if code, err = run(t, Output{Out: &out, Err: &out}, "--root", dir, "--only", "tcp.listen-overflow", "--fail-on", "warn"); code == 0 || err != nil {
			t.Errorf("%s, since boot: exit %d, %v", name, code, err)
		}
	}
}

// TestStyle: lines are as wide as COLUMNS says, else as the terminal, else as usual.
func TestStyle(t *testing.T) {
	t.Setenv("COLUMNS", "")
	if s := (Output{Out: &bytes.Buffer{}}).style(); s.Width != 0 {
		t.Errorf("no terminal: %d", s.Width)
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("needs terminals: ", err)
	}
	defer terminal.Close()
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 20, Col: 72}); err != nil {
		t.Fatal(err)
	}
	if s := (Output{Out: terminal}).style(); s.Width != 72 {
		t.Errorf("a terminal of 72 columns: %d", s.Width)
	}
	t.Setenv("COLUMNS", "90")
	if s := (Output{Out: terminal, Color: true}).style(); s.Width != 90 || !s.Color {
		t.Errorf("COLUMNS=90: %+v", s)
	}
	t.Setenv("COLUMNS", "many")
	if s := (Output{Out: terminal}).style(); s.Width != 72 {
		t.Errorf("COLUMNS=many: %d", s.Width)
	}
}
