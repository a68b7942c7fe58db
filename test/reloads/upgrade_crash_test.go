package reloads

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fishplate/internal/crash"
	"fishplate/test/harness"
)

// loss is a connection that did not get its answer.
type loss struct {
	begun, at time.Time
	refused   bool // there was no connection
	err       error
}

// load asks without pause, some clients on a new connection each time, others on
// one that they keep, and remembers what was lost.
type load struct {
	stop   chan struct{}
	wg     sync.WaitGroup
	served atomic.Int64
	mu     sync.Mutex
	lost   []loss
}

func newLoad(addr string, want func() bool) *load {
	l := &load{stop: make(chan struct{})}
	for i := range 6 {
		l.wg.Go(func() {
			for !l.over() {
				l.connection(addr, i%2 == 0)
			}
		})
	}
	for l.served.Load() < 50 && want() {
		time.Sleep(time.Millisecond)
	}
	return l
}

func (l *load) over() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

func (l *load) connection(addr string, keep bool) {
	begun := time.Now()
	note := func(refused bool, err error) {
		l.mu.Lock()
		l.lost = append(l.lost, loss{begun, time.Now(), refused, err})
		l.mu.Unlock()
		if refused {
			time.Sleep(time.Millisecond) // nobody is there: once in a while is enough
		}
	}
	c, err := net.DialTimeout("tcp", addr, 20*time.Second)
	if err != nil {
		note(true, err)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(40 * time.Second))
	in, last := bufio.NewReader(c), "Connection: close\r\n"
	if keep {
		last = ""
	}
	for {
		_, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: one.test\r\n%s\r\n", last)
		var resp *http.Response
		if err == nil {
			resp, err = http.ReadResponse(in, nil)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
		}
		if err == nil && resp.StatusCode != 200 {
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		if err != nil {
			note(false, err)
			return
		}
		l.served.Add(1)
		if resp.Close || l.over() {
			return
		}
	}
}

// end stops the clients, when they have been served for some time after what
// happened, and returns what was lost.
func (l *load) end(t *testing.T) []loss {
	t.Helper()
	n := l.served.Load()
	harness.Eventually(t, "the clients are served", func() bool { return l.served.Load() > n+50 })
	close(l.stop)
	l.wg.Wait()
	return l.lost
}

// upgraded is a site that can be upgraded, with what an upgrade hands over.
func upgraded(t *testing.T) *killed {
	k := newKilled(t, true)
	more := fmt.Sprintf("listener \"also\" {\n  bind = [%q, \"unix:%s/web.sock\"]\n}\ncache \"main\" {\n  disk {\n    path = \"%[2]s/cache\"\n    size = \"64MiB\"\n  }\n}\n",
		harness.FreeAddr(t), k.s.Dir)
	if code := k.ask("/v1/apply", map[string]any{"path": k.file(5, more)}); code != 200 {
		t.Fatalf("apply: %d\n%s", code, k.s.Stderr())
	}
	return k
}

func (k *killed) pid() int {
	k.t.Helper()
	_, text := k.s.Admin("GET", "/v1/status", nil)
	var st struct{ PID int }
	if err := json.Unmarshal([]byte(text), &st); err != nil || st.PID == 0 {
		k.t.Fatal(err, text)
	}
	return st.PID
}

func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}

// end kills what runs: of a process that lost its parent the harness knows nothing.
func (k *killed) end(pid int) {
	_ = syscall.Kill(pid, syscall.SIGKILL)
	k.ended("everything has ended")
}

// ended waits until the output is closed: neither process has it any more.
func (k *killed) ended(what string) {
	k.t.Helper()
	harness.Eventually(k.t, what, func() bool {
		select {
		case <-k.s.Exited():
			return true
		default:
			return false
		}
	})
}

// goesOn expects that what serves is whole, and can be changed and upgraded.
func (k *killed) goesOn(version int) {
	k.t.Helper()
	if got := k.version(); got != version {
		k.t.Errorf("version %d runs, want %d", got, version)
	}
	k.history()
	pid := k.pid()
	if code := k.ask("/v1/apply", map[string]any{"path": k.file(7, "")}); code != 200 || k.version() != 7 {
		k.t.Errorf("the next change: %d, version %d", code, k.version())
	}
	if code := k.ask("/v1/upgrade", map[string]any{}); code != 200 || k.version() != 7 {
		k.t.Errorf("the next upgrade: %d\n%s", code, k.s.Stderr())
	}
	next := k.pid()
	if next == pid {
		k.t.Errorf("process %d was not replaced", pid)
	}
	harness.Eventually(k.t, "one process is left", func() bool { return !alive(pid) })
	k.end(next)
}

// arms makes a point the one at which a process ends.
func (k *killed) arms(point crash.Point) {
	k.t.Helper()
	if err := os.WriteFile(k.arm, []byte(point), 0o644); err != nil {
		k.t.Fatal(err)
	}
}

func (k *killed) disarms() {
	k.t.Helper()
	if err := os.Remove(k.arm); err != nil {
		k.t.Fatal(err)
	}
}

// TestUpgradeCrashOld kills the process that leaves at every step of an upgrade,
// under load. Until its successor has everything, both are gone, and a start
// brings back what ran; from then on the successor takes over, and nobody is
// refused: what is lost are connections of the one that was killed.
func TestUpgradeCrashOld(t *testing.T) {
	for _, point := range crash.Leavers() {
		t.Run(string(point), func(t *testing.T) {
			k := upgraded(t)
			old := k.pid()
			l := newLoad(k.addr, func() bool { return alive(old) })
			k.arms(point)
			k.s.Signal(syscall.SIGUSR2)
			harness.Eventually(t, "the old process is killed", func() bool { return !alive(old) })
			gone, restarted := time.Now(), false
			k.disarms()
			switch point {
			case crash.Held, crash.Started, crash.Handing:
				k.ended("its successor ends too")
				k.again()
				gone, restarted = time.Now(), true
			default:
				if pid := k.pid(); pid == old {
					t.Error("the old process answers")
				}
			}
			for _, x := range l.end(t) {
				if x.begun.After(gone) || x.refused && !restarted {
					t.Errorf("lost (refused %v), begun %v after the kill: %v", x.refused, x.begun.Sub(gone), x.err)
				}
			}
			k.goesOn(5)
		})
	}
}

// TestUpgradeCrashNew kills the successor at every step. The old process serves
// on, and nothing is lost but what the successor had accepted. Once it has said
// that it serves, it is the service: a start brings back what ran.
func TestUpgradeCrashNew(t *testing.T) {
	for _, point := range crash.Comers() {
		t.Run(string(point), func(t *testing.T) {
			k := upgraded(t)
			old := k.pid()
			l := newLoad(k.addr, func() bool { return alive(old) })
			k.arms(point)
			code := k.ask("/v1/upgrade", map[string]any{})
			gone := time.Now()
			k.disarms()
			if point == crash.Serving {
				k.ended("nobody is left")
				k.again()
				gone = time.Now()
			} else if pid := k.pid(); code == 200 || pid != old {
				t.Fatalf("the upgrade: %d; process %d answers, not %d", code, pid, old)
			}
			for _, x := range l.end(t) {
				if point != crash.Accepting && point != crash.Serving || x.refused && point != crash.Serving || x.begun.After(gone) {
					t.Errorf("lost: %v (refused %v), begun %v before", x.err, x.refused, gone.Sub(x.begun))
				}
			}
			k.goesOn(5)
		})
	}
}
