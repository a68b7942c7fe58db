package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fishplate/cmd/fishplate/reading"
	"fishplate/cmd/fishplate/show"
	"fishplate/internal/admin"
)

// part says which process of TestPulse this one is; empty is the test itself.
const part = "FISHPLATE_PULSE_PART"

// TestPulse stops a process that serves, in a network namespace of its own, until
// the short queue of its listener has overflown, and lets it go on: status, metrics
// and log name the listener and the cause.
func TestPulse(t *testing.T) {
	switch os.Getenv(part) {
	case "":
		apart(t)
	case "client":
		overflow(t)
	case "server":
		serveHere(t)
	}
}

// apart runs this test as a client in a new network namespace.
func apart(t *testing.T) {
	cmd := again(t, "client", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("needs root, for a network namespace of its own")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func again(t *testing.T, as, dir string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPulse$", "-test.v")
	cmd.Env = append(os.Environ(), part+"="+as, "FISHPLATE_PULSE_DIR="+dir)
	return cmd
}

// serveHere serves until it is told to end.
func serveHere(t *testing.T) {
	dir := os.Getenv("FISHPLATE_PULSE_DIR")
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var reader reading.Reader
	err = Serve(t.Context(), Options{
		Path: filepath.Join(dir, "site.hcl"), Load: reader.FromDisk, Parse: reader.Parse, State: filepath.Join(dir, "state"), Stderr: log, Pulse: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
}

const pulsed = `
admin {
  socket = %q
  http {
    bind = "127.0.0.1:9180"
  }
}
listener "web" {
  bind = ["127.0.0.1:8080"]
  accept {
    shards  = 1
    backlog = 8
  }
}
listener "quiet" {
  bind = ["127.0.0.1:8081"]
}
vhost "any" {
  route "all" {
    respond {
      body = "ok"
    }
  }
}
`

func overflow(t *testing.T) {
	dir := os.Getenv("FISHPLATE_PULSE_DIR")
	socket := filepath.Join(dir, "admin.sock")
	if err := os.WriteFile(filepath.Join(dir, "site.hcl"), fmt.Appendf(nil, pulsed, socket), 0o600); err != nil {
		t.Fatal(err)
	}
	lo(t)
	server := again(t, "server", dir)
	var out bytes.Buffer
	server.Stdout, server.Stderr = &out, &out
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Signal(unix.SIGCONT) // it goes on already, or a test failed before
		_ = server.Process.Signal(unix.SIGTERM)
		if err := server.Wait(); err != nil {
			text, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Errorf("%v\n%s\n%s", err, &out, text)
		}
	}()
	client := admin.NewClient(socket)
	verdict := func(want string) admin.Status {
		t.Helper()
		return await(t, client, "tcp.listen-overflow to be "+want, func(s admin.Status) bool {
			return slices.ContainsFunc(s.Checks, func(c admin.CheckStatus) bool { return c.ID == "tcp.listen-overflow" && c.Status == want })
		})
	}
	verdict("ok")

	if err := server.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var state unix.WaitStatus // told when the last of its threads stands still
	if _, err := unix.Wait4(server.Process.Pid, &state, unix.WUNTRACED, nil); err != nil || !state.Stopped() {
		t.Fatalf("%v, %#x", err, state)
	}
	for range 40 {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: 8080, Addr: [4]byte{127, 0, 0, 1}}); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
	}
	full(t)
	begun := time.Now()
	for time.Since(begun) < 2*time.Second { // it stands still at least so long, by the clock that the server measures with
		if _, err := os.ReadFile("/proc/net/netstat"); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Process.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	st := verdict("fail")
	var text bytes.Buffer
	if err := show.Status(&text, &st); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(st.Findings, func(f admin.Finding) bool { return f.ID == "tcp.listen-overflow" })
	if i < 0 {
		t.Fatalf("no finding: %+v", st.Findings)
	}
	for _, says := range []string{"listener web at 127.0.0.1:8080 dropped", "its queue of 8", "its backlog is 8", "the process stood still for"} {
		if !strings.Contains(st.Findings[i].Text, says) || !strings.Contains(text.String(), says) {
			t.Errorf("does not say %q: %s\n%s", says, st.Findings[i].Text, &text)
		}
	}
	queues(t, st)
	logged(t, filepath.Join(dir, "log"))
	scraped(t)
	verdict("ok") // nothing was lost since
	reshaped(t, server, client, filepath.Join(dir, "site.hcl"), socket)
}

// reshaped gives the listener other sockets, and a longer backlog, while it serves:
// what was dropped, and how long the queue was, stays known.
func reshaped(t *testing.T, server *exec.Cmd, client *admin.Client, file, socket string) {
	t.Helper()
	web := func(s admin.Status) *admin.AcceptStatus {
		i := slices.IndexFunc(s.Listeners, func(l admin.ListenerStatus) bool { return l.Name == "web" })
		return s.Listeners[i].Accept
	}
	before, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	was := web(before)
	for _, change := range []struct{ shards, backlog int }{{2, 8}, {2, 32}, {1, 32}} {
		text := strings.NewReplacer("shards  = 1", fmt.Sprint("shards = ", change.shards), "backlog = 8", fmt.Sprint("backlog = ", change.backlog)).Replace(fmt.Sprintf(pulsed, socket))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := server.Process.Signal(unix.SIGHUP); err != nil {
			t.Fatal(err)
		}
		is := web(await(t, client, fmt.Sprintf("%+v", change), func(s admin.Status) bool {
			a := web(s)
			return a != nil && a.Shards == change.shards && a.Granted != nil && *a.Granted == change.backlog
		}))
		if *is.Dropped < *was.Dropped || *is.Most < *was.Most {
			t.Errorf("%+v: dropped %d after %d, at most %d after %d", change, *is.Dropped, *was.Dropped, *is.Most, *was.Most)
		}
	}
}

// full waits until the kernel has counted an overflow.
func full(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		data, err := os.ReadFile("/proc/net/netstat")
		if err != nil {
			t.Fatal(err)
		}
		rows := strings.Split(string(data), "\n")
		names, values := strings.Fields(rows[0]), strings.Fields(rows[1])
		if i := slices.Index(names, "ListenOverflows"); i > 0 && values[i] != "0" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("40 connections for a backlog of 8, and no overflow")
		}
	}
}

func queues(t *testing.T, st admin.Status) {
	t.Helper()
	for _, l := range st.Listeners {
		a := l.Accept
		if a == nil || a.Granted == nil || a.Most == nil || a.Dropped == nil {
			t.Fatalf("listener %s: %+v", l.Name, a)
		}
		switch l.Name {
		case "web":
			if a.Shards != 1 || a.Backlog != 8 || *a.Granted != 8 || *a.Most < 8 || *a.Dropped == 0 {
				t.Errorf("web: %+v, granted %d, at most %d, dropped %d", a, *a.Granted, *a.Most, *a.Dropped)
			}
		case "quiet":
			if *a.Most != 0 || *a.Dropped != 0 {
				t.Errorf("quiet: at most %d, dropped %d", *a.Most, *a.Dropped)
			}
		}
	}
}

func logged(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, "check=tcp.listen-overflow") && strings.Contains(line, "level=WARN") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		t.Fatalf("%d lines of the log tell of it:\n%s", len(lines), data)
	}
	for _, says := range []string{"status=fail", "listener web", "TCP_INFO of listener web", "accept.backlog of listener web"} {
		if !strings.Contains(lines[0], says) {
			t.Errorf("the log does not say %q: %s", says, lines[0])
		}
	}
}

func scraped(t *testing.T) {
	t.Helper()
	resp, err := http.Get("http://127.0.0.1:9180/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{
		`fishplate_accept_backlog{address="127.0.0.1:8080",listener="web"} 8`,
		`fishplate_accept_backlog_granted{address="127.0.0.1:8080",listener="web"} 8`,
		`fishplate_accept_dropped_total{address="127.0.0.1:8081",listener="quiet"} 0`,
		`fishplate_doctor_check{id="tcp.listen-overflow",scope="netns",status="`,
		"fishplate_netns_listen_overflows_total ",
	} {
		if !strings.Contains(string(data), says) {
			t.Errorf("metrics do not say %q", says)
		}
	}
	if strings.Contains(string(data), `fishplate_accept_dropped_total{address="127.0.0.1:8080",listener="web"} 0`) {
		t.Error("the metrics know nothing of what was dropped")
	}
}

func await(t *testing.T, client *admin.Client, what string, done func(admin.Status) bool) admin.Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for {
		st, err := client.Status(ctx)
		if err == nil && done(st) {
			return st
		}
		if ctx.Err() != nil {
			text, _ := json.Marshal(st)
			t.Fatalf("waited for %s: %v\n%s", what, err, text)
		}
	}
}

// lo switches loopback on, which is off in a new namespace.
func lo(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		t.Fatal(err)
	}
}
