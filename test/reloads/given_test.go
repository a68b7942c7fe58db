package reloads

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fishplate/internal/crash"
	"fishplate/internal/tenant/shelf"
	"fishplate/test/harness"
)

// gifted is a site with a tenant whose programs come by the API.
type gifted struct {
	*killed
	elf []byte
}

func newGifted(t *testing.T, points bool, more ...harness.Option) *gifted {
	t.Helper()
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(root, "sdk", "examples", "hello.elf")
	g := &gifted{killed: &killed{t: t, addr: harness.FreeAddr(t), arm: filepath.Join(t.TempDir(), "point"), options: more}}
	if g.elf, err = os.ReadFile(name); err != nil {
		t.Fatal(err)
	}
	if points {
		g.options = append(g.options, harness.Crashing(t, g.arm))
	}
	file := filepath.Join(t.TempDir(), "program.elf")
	if err := os.WriteFile(file, g.elf, 0o644); err != nil {
		t.Fatal(err)
	}
	g.s = harness.Start(t, fmt.Sprintf(`listener "web" {
  bind = [%q]
}
backend "app" { servers = ["127.0.0.1:1"] }
tenant "shop" {
  program = %q
  update { rate = "100000/s" }
}
vhost "any" {
  tenant  = "shop"
  backend = "app"
}
`, g.addr, file), g.options...)
	return g
}

// program is number n: it does what the others do, and has another hash.
func (g *gifted) program(n int) []byte {
	if n == 0 {
		return g.elf
	}
	return fmt.Appendf(bytes.Clone(g.elf), "number %d", n)
}

// update gives the tenant program n; 0 means that no answer came.
func (g *gifted) update(n int) (status int, text string) {
	client := http.Client{Transport: &http.Transport{DialContext: harness.ToSocket(g.s.Socket), DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Post("http://admin/v1/tenants/shop/program", "application/octet-stream", bytes.NewReader(g.program(n)))
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// hash is of the program that runs; it must answer, and the history must say so.
func (g *gifted) hash() string {
	g.t.Helper()
	resp, err := http.Get("http://" + g.addr + "/hello")
	if err != nil {
		g.t.Fatalf("%v\n%s", err, g.s.Stderr())
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if !strings.Contains(string(body), "Hello World") {
		g.t.Errorf("the program answers %d %q", resp.StatusCode, body)
	}
	_, text := g.s.Admin("GET", "/v1/tenants/shop", nil)
	var view struct{ Hash string }
	if err := json.Unmarshal([]byte(text), &view); err != nil || view.Hash == "" {
		g.t.Fatalf("%v: %s", err, text)
	}
	given := strings.Contains(exported(g.t, g.s), "program \"shop\" {\n  sha256 = \""+view.Hash)
	if first := fmt.Sprintf("%.16s", shelf.Hash(g.elf)); !given && view.Hash != first {
		g.t.Errorf("program %s runs, and the history says another", view.Hash)
	}
	return view.Hash
}

// runs says which program runs.
func (g *gifted) runs(n int) bool {
	g.t.Helper()
	return g.hash() == fmt.Sprintf("%.16s", shelf.Hash(g.program(n)))
}

// kept are the programs in the state folder; nothing else may lie there.
func (g *gifted) kept() (n int) {
	g.t.Helper()
	list, err := os.ReadDir(filepath.Join(g.s.Dir, "state", "given"))
	if err != nil {
		g.t.Fatal(err)
	}
	for _, f := range list {
		if !strings.HasSuffix(f.Name(), ".elf") {
			g.t.Errorf("%s lies in the state folder", f.Name())
		}
	}
	return len(list)
}

// TestCrashPointsOfPrograms ends the process at every step of an update by the API.
func TestCrashPointsOfPrograms(t *testing.T) {
	for _, point := range crash.Points() {
		want, entries := 2, 3
		switch point {
		case crash.Plan, crash.Shelving, crash.Shelved, crash.Prepare, crash.Preparing, crash.Prepared, crash.Written, crash.Synced:
			want, entries = 1, 2
		case crash.Aborting, crash.Settle, crash.Confirm: // no update comes by these
			continue
		}
		t.Run(string(point), func(t *testing.T) {
			g := newGifted(t, true)
			if status, text := g.update(1); status != 200 || !g.runs(1) {
				t.Fatalf("%d %s", status, text)
			}
			if point == crash.Resume {
				g.update(2)
				g.s.Signal(syscall.SIGKILL)
				<-g.s.Exited()
				g.dies(point, func() { g.s.Again(g.options...) })
			} else {
				g.dies(point, func() { g.update(2) })
			}
			g.again()
			if !g.runs(want) {
				t.Errorf("program %s runs, want number %d", g.hash(), want)
			}
			if list := g.history(); len(list) != entries {
				t.Errorf("history: %+v, want %d entries", list, entries)
			}
			if n := g.kept(); n != want+1 { // with that of the file
				t.Errorf("%d programs are kept", n)
			}
			if status, text := g.update(7); status != 200 || !g.runs(7) {
				t.Errorf("the next update: %d %s", status, text)
			}
			g.history()
		})
	}
}

// TestProgramsKilledAtRandom kills the process at random moments of updates: what
// was acknowledged runs again, or what was asked for after it.
func TestProgramsKilledAtRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	g := newGifted(t, false)
	next := 0
	for round := range 20 {
		var acknowledged, asked atomic.Int64
		acknowledged.Store(int64(next))
		done := make(chan struct{})
		go func() {
			defer close(done)
			for n := next + 1; ; n++ {
				asked.Store(int64(n))
				if status, _ := g.update(n); status != 200 {
					return
				}
				acknowledged.Store(int64(n))
			}
		}()
		time.Sleep(time.Duration(r.IntN(100_000)) * time.Microsecond) // the moment is the test
		g.s.Signal(syscall.SIGKILL)
		<-g.s.Exited()
		<-done
		g.again()
		switch was, is := int(acknowledged.Load()), int(asked.Load()); {
		case g.runs(is):
			next = is
		case g.runs(was):
			next = was
		default:
			t.Fatalf("round %d: program %s runs, number %d was acknowledged, %d asked for", round, g.hash(), was, is)
		}
		g.history()
		if status, text := g.update(next + 1000); status != 200 {
			t.Fatal(status, text)
		}
		next += 1000
	}
}

// figures are what a process must not get more of.
type figures struct {
	files, programs int // in the journal and beside it
	descriptors     int
	memory          int64
}

func (g *gifted) figures() (f figures) {
	g.t.Helper()
	list, _ := filepath.Glob(filepath.Join(g.s.Dir, "state", "journal", "*"))
	f.files, f.programs = len(list), g.kept()
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.s.PID()))
	if err != nil {
		g.t.Fatal(err)
	}
	f.descriptors, f.memory = len(fds), harness.Memory(g.t, g.s.PID(), "VmRSS")
	return f
}

// TestThousandsOfUpdates: the state folder, descriptors and memory have a bound.
func TestThousandsOfUpdates(t *testing.T) {
	g := newGifted(t, false)
	const kept, more = 1100, 1100 // the history has 1,000
	give := func(from, n int) {
		for i := range n {
			if status, text := g.update(from + i); status != 200 {
				t.Fatal(status, text)
			}
		}
	}
	give(1, kept)
	before := g.figures()
	give(kept+1, more)
	after := g.figures()
	t.Logf("after %d updates %+v, after %d %+v", kept, before, kept+more, after)
	if after.files > 1000 || after.programs > 1001 || after.descriptors > before.descriptors+8 || after.memory > before.memory+before.memory/4+16<<20 {
		t.Errorf("after %d updates %+v, after %d %+v", kept, before, kept+more, after)
	}
	if !g.runs(kept + more) {
		t.Error("another program runs")
	}
}

// TestFullDisk: an update for which there is no room is refused, and what runs goes
// on; with room again it is made.
func TestFullDisk(t *testing.T) {
	if err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt").Run(); err != nil {
		t.Skipf("no file system of a bounded size can be mounted: %v", err)
	}
	small := func(cmd *exec.Cmd) {
		state := filepath.Join(filepath.Dir(cmd.Args[len(cmd.Args)-1]), "state")
		cmd.Args = append([]string{"unshare", "-rm", "sh", "-c", `mkdir -p "$0" && mount -t tmpfs -o size=8m none "$0" && exec "$@"`, state, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/usr/bin/unshare"
	}
	g := newGifted(t, false, small)
	if status, text := g.update(1); status != 200 {
		t.Fatal(status, text)
	}
	filler := fmt.Sprintf("/proc/%d/root%s/filler", g.s.PID(), filepath.Join(g.s.Dir, "state"))
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	_ = f.Close()
	status, text := g.update(2)
	if status != 422 || !strings.Contains(text, "no space left on device") {
		t.Errorf("on a full disk: %d %s", status, text)
	}
	if !g.runs(1) {
		t.Error("it does not go on")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if status, text := g.update(2); status != 200 || !g.runs(2) {
		t.Errorf("with room again: %d %s", status, text)
	}
}
