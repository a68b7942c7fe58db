package reloads

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"fishplate/cmd/fishplate/process"
	"fishplate/cmd/fishplate/reading"
	"fishplate/test/harness"
)

// inside names the socket on which a process that is this test's own binary tells
// what it holds.
const inside = "FISHPLATE_TEST_INSIDE"

func TestMain(m *testing.M) {
	if socket := os.Getenv(inside); socket != "" {
		if err := open(socket, os.Args[len(os.Args)-1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// open serves the configuration as `fishplate serve` does, and beside it what a
// process of ours never shows: its heap.
func open(socket, path string) error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	http.HandleFunc("/held", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(held()) })
	go func() { _ = http.Serve(l, nil) }()
	var reader reading.Reader
	cfg, errs, _ := reader.FromDisk(context.Background(), path)
	if cfg == nil {
		return fmt.Errorf("load %s: %+v", path, errs)
	}
	return process.Serve(context.Background(), process.Options{
		Path: path, Load: reader.FromDisk, Parse: reader.Parse, State: cfg.State.Dir, Version: "test", Stderr: os.Stderr,
	})
}

// holding is what a process holds when everything that nobody needs was given back.
type holding struct {
	Heap, Objects int64
	Goroutines    int
	Descriptors   int
}

// held collects until nothing more is given back: pools let go at the second
// collection, and what a finalizer held at the next one.
func held() (h holding) {
	var m runtime.MemStats
	for range 4 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	h.Heap, h.Objects, h.Goroutines = int64(m.HeapAlloc), int64(m.HeapObjects), runtime.NumGoroutine()
	if list, err := os.ReadDir("/proc/self/fd"); err == nil {
		h.Descriptors = len(list)
	}
	return h
}

// insight starts a server whose heap can be asked for.
type insight struct {
	*harness.Server
	client *http.Client
}

func look(t *testing.T, text string) *insight {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "inside.sock")
	s := harness.Start(t, text, func(cmd *exec.Cmd) {
		cmd.Path, cmd.Env = self, append(cmd.Env, inside+"="+socket)
	})
	return &insight{s, &http.Client{Transport: &http.Transport{DialContext: harness.ToSocket(socket), DisableKeepAlives: true}, Timeout: time.Minute}}
}

// still is what the heap of a process with nothing to do may differ by between two
// looks.
const still = 64 << 10

// held asks until two answers in turn agree, and are within bounds, or half a minute
// is over: what ends by itself has ended then, also what a change leaves to be done
// behind it. Of answers that never agree it takes the last after two minutes.
func (s *insight) held(t *testing.T, within func(holding) bool) (h holding) {
	t.Helper()
	began := time.Now()
	for before := (holding{}); ; before = h {
		resp, err := s.client.Get("http://inside/held")
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(resp.Body).Decode(&h)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		same := h.Goroutines == before.Goroutines && h.Descriptors == before.Descriptors && max(h.Heap-before.Heap, before.Heap-h.Heap) < still
		if took := time.Since(began); same && (within(h) || took > 30*time.Second) || took > 2*time.Minute {
			return h
		}
	}
}

// profile writes the heap's profile.
func (s *insight) profile(t *testing.T, path string) {
	t.Helper()
	resp, err := s.client.Get("http://inside/debug/pprof/heap?gc=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	f, err := os.Create(path)
	if err == nil {
		_, err = f.ReadFrom(resp.Body)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}
