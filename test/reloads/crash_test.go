package reloads

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fishplate/internal/crash"
	"fishplate/test/harness"
)

// killed is a site whose every part says which version of it runs.
type killed struct {
	t         *testing.T
	s         *harness.Server
	addr, arm string
	options   []harness.Option
}

func (k *killed) text(version int) string {
	vhost := func(name string) string {
		return fmt.Sprintf("vhost %q {\n  hosts = [\"%s.test\"]\n  route \"all\" {\n    respond {\n      body = \"%d\"\n    }\n  }\n}\n", name, name, version)
	}
	return fmt.Sprintf("listener \"web\" {\n  bind = [%q]\n}\n%s%s", k.addr, vhost("one"), vhost("two"))
}

func newKilled(t *testing.T, points bool) *killed {
	t.Helper()
	k := &killed{t: t, addr: harness.FreeAddr(t), arm: filepath.Join(t.TempDir(), "point")}
	if points {
		k.options = []harness.Option{harness.Crashing(t, k.arm)}
	}
	k.s = harness.Start(t, k.text(0), k.options...)
	return k
}

// file writes a version beside the configuration and returns its path.
func (k *killed) file(version int, more string) string {
	head, err := os.ReadFile(k.s.Config)
	if err != nil {
		k.t.Fatal(err)
	}
	blocks, _, _ := strings.Cut(string(head), "listener \"web\"")
	path := filepath.Join(k.s.Dir, fmt.Sprintf("version%d.hcl", version))
	if err := os.WriteFile(path, []byte(blocks+k.text(version)+more), 0o644); err != nil {
		k.t.Fatal(err)
	}
	return path
}

// ask makes a change; no answer comes when the process ends meanwhile.
func (k *killed) ask(path string, body any) (status int) {
	text, err := json.Marshal(body)
	if err != nil {
		k.t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DialContext: harness.ToSocket(k.s.Socket), DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.Post("http://admin"+path, "application/json", bytes.NewReader(text))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // cut when it ends here
	return resp.StatusCode
}

// version is what runs: all parts must say the same, and the history must fit.
func (k *killed) version() int {
	k.t.Helper()
	var said [2]string
	for i, host := range []string{"one.test", "two.test"} {
		req, err := http.NewRequest("GET", "http://"+k.addr+"/", nil)
		if err != nil {
			k.t.Fatal(err)
		}
		req.Host, req.Close = host, true
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			k.t.Fatalf("%v\n%s", err, k.s.Stderr())
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		said[i] = string(body)
	}
	n, err := strconv.Atoi(said[0])
	if err != nil || said[0] != said[1] {
		k.t.Fatalf("a mixture runs: %q", said)
	}
	if text := exported(k.t, k.s); strings.Count(text, fmt.Sprintf("body = \"%d\"", n)) != 2 {
		k.t.Errorf("version %d answers, and the history says that this runs:\n%s", n, text)
	}
	return n
}

type entry struct {
	ID, Generation uint64
	State          string
}

// history must be readable, in order, whole, and only its newest entry may wait.
func (k *killed) history() []entry {
	k.t.Helper()
	code, text := k.s.Admin("GET", "/v1/history", nil)
	var list []entry
	if err := json.Unmarshal([]byte(text), &list); err != nil || code != 200 || len(list) == 0 {
		k.t.Fatalf("history: %d %s", code, text)
	}
	for i, e := range list {
		if i > 0 && (e.ID >= list[i-1].ID || e.State == "pending") {
			k.t.Errorf("history: %+v behind %+v", e, list[i-1])
		}
		if code, text := k.s.Admin("GET", fmt.Sprintf("/v1/export?id=%d", e.ID), nil); code != 200 {
			k.t.Errorf("entry %d cannot be read: %d %s", e.ID, code, text)
		}
	}
	files, err := filepath.Glob(filepath.Join(k.s.Dir, "state", "journal", "*"))
	if err != nil || len(files) != len(list) {
		k.t.Errorf("%d entries in files %v (%v)", len(list), files, err)
	}
	return list
}

// dies expects that the process ends at the point while f happens.
func (k *killed) dies(point crash.Point, f func()) {
	k.t.Helper()
	if err := os.WriteFile(k.arm, []byte(point), 0o644); err != nil {
		k.t.Fatal(err)
	}
	f()
	select {
	case <-k.s.Exited():
	case <-time.After(20 * time.Second):
		k.t.Fatalf("the process never came by %q", point)
	}
	if err := os.Remove(k.arm); err != nil {
		k.t.Fatal(err)
	}
}

func (k *killed) again() {
	k.t.Helper()
	if k.s.Again(k.options...); !k.s.Ready() {
		k.t.Fatalf("it does not start any more:\n%s", k.s.Stderr())
	}
}

// TestCrashPoints ends the process at every step of a change, starts it again, and
// expects the old or the new configuration, whole, as the step demands.
func TestCrashPoints(t *testing.T) {
	for _, point := range crash.Points() {
		if point == crash.Shelving || point == crash.Shelved {
			continue // TestCrashPointsOfPrograms
		}
		t.Run(string(point), func(t *testing.T) {
			k := newKilled(t, true)
			apply := func(more map[string]any) {
				body := map[string]any{"path": k.file(1, "")}
				for name, v := range more {
					body[name] = v
				}
				k.ask("/v1/apply", body)
			}
			want, entries := 1, 2
			switch point {
			case crash.Plan, crash.Prepare, crash.Preparing, crash.Prepared, crash.Written, crash.Synced:
				want, entries = 0, 1
				k.dies(point, func() { apply(nil) })
			case crash.Aborting:
				want, entries = 0, 1
				k.dies(point, func() {
					k.ask("/v1/apply", map[string]any{"path": k.file(1, "listener \"zz\" { bind = [\"192.0.2.9:1\"] }\n")})
				})
			case crash.Settle:
				want, entries = 0, 3
				apply(map[string]any{"confirm": "1h"})
				k.dies(point, func() { k.ask("/v1/rollback", map[string]any{}) })
			case crash.Confirm:
				apply(map[string]any{"confirm": "1h"})
				k.dies(point, func() { k.ask("/v1/confirm", map[string]any{}) })
			case crash.Resume:
				apply(nil)
				k.s.Signal(syscall.SIGKILL)
				<-k.s.Exited()
				k.dies(point, func() { k.s.Again(k.options...) })
			default:
				k.dies(point, func() { apply(nil) })
			}
			k.again()
			if got := k.version(); got != want {
				t.Errorf("version %d runs, want %d", got, want)
			}
			list := k.history()
			if len(list) != entries {
				t.Errorf("history: %+v, want %d entries", list, entries)
			}
			if point == crash.Confirm {
				if list[0].State != "pending" {
					t.Errorf("the change that was not confirmed is %+v", list[0])
				}
				if code := k.ask("/v1/confirm", map[string]any{}); code != 200 {
					t.Errorf("confirm: %d", code)
				}
			}
			// And it goes on as if nothing had been.
			if code := k.ask("/v1/apply", map[string]any{"path": k.file(7, "")}); code != 200 || k.version() != 7 {
				t.Errorf("the next change: %d, version %d", code, k.version())
			}
			k.history()
		})
	}
}

// TestKilledAtRandom kills the process 50 times at random moments while changes go
// on. What was acknowledged must run, or what was asked for after it.
func TestKilledAtRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	k := newKilled(t, false)
	next := 0
	for round := range 50 {
		var acknowledged, asked atomic.Int64
		acknowledged.Store(int64(next))
		asked.Store(int64(next))
		done := make(chan struct{})
		go func() {
			defer close(done)
			for n := next + 1; ; n++ {
				asked.Store(int64(n))
				if k.ask("/v1/apply", map[string]any{"path": k.file(n, "")}) != 200 {
					return
				}
				acknowledged.Store(int64(n))
			}
		}()
		time.Sleep(time.Duration(r.IntN(60_000)) * time.Microsecond) // the moment is the test
		k.s.Signal(syscall.SIGKILL)
		<-k.s.Exited()
		<-done
		k.again()
		got := int64(k.version())
		if got != acknowledged.Load() && got != asked.Load() {
			t.Fatalf("round %d: version %d runs, %d was acknowledged, %d asked for", round, got, acknowledged.Load(), asked.Load())
		}
		k.history()
		next = int(max(got, asked.Load()))
		if got != int64(next) { // so that the next round begins with what it thinks
			if k.ask("/v1/apply", map[string]any{"path": k.file(next, "")}) != 200 {
				t.Fatal("a change was refused")
			}
		}
	}
	t.Logf("%d changes in 50 lives", next)
}
