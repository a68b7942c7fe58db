package trouble

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"fishplate/test/harness"
)

// TestOneProcessForAState: the state folder is one process's, and that of its
// successor without a gap; an upgrade that fails changes nothing about it.
func TestOneProcessForAState(t *testing.T) {
	o := httptest.NewServer(http.HandlerFunc(harness.Echo))
	defer o.Close()
	addr := harness.FreeAddr(t)
	s := harness.Start(t, fmt.Sprintf("listener \"web\" { bind = [%q] }\nbackend \"app\" { servers = [\"%s\"] }\nvhost \"any\" { backend = \"app\" }\n", addr, o.Listener.Addr()))
	state := filepath.Join(s.Dir, "state")
	half := filepath.Join(state, "journal", "000000000099.commit.new")
	other := func(bind string) string {
		path := filepath.Join(t.TempDir(), "other.hcl")
		text := fmt.Sprintf("admin {\n  socket = %q\n}\nstate {\n  dir = %q\n}\nlistener \"web\" { bind = [%q] }\nvhost \"any\" {\n route \"r\" {\n respond { status = 204 }\n }\n}\n",
			path+".sock", state, bind)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	refused := func(when string, pid int) {
		t.Helper()
		if err := os.WriteFile(half, nil, 0o600); err != nil { // as if a change were being written
			t.Fatal(err)
		}
		_, errs, code := s.Run("serve", other(harness.FreeAddr(t)))
		if code != 1 || !strings.Contains(errs, state+" is that of process "+fmt.Sprint(pid)+", which runs") {
			t.Errorf("%s: a second process: exit %d, %q; want the folder and process %d", when, code, errs, pid)
		}
		if _, err := os.Stat(half); err != nil {
			t.Errorf("%s: a second process tidied up: %v", when, err)
		}
		if err := os.Remove(half); err != nil {
			t.Fatal(err)
		}
	}
	refused("at first", s.PID())
	if _, _, code := s.Run("upgrade", "/bin/false"); code != 1 {
		t.Fatalf("an upgrade to nothing: exit %d", code)
	}
	refused("after an upgrade that failed", s.PID())

	ws, _, err := websocket.Dial(context.Background(), "ws://"+addr+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if out, errs, code := s.Run("upgrade"); code != 0 {
		t.Fatalf("upgrade: exit %d\n%s%s", code, out, errs)
	}
	next, _ := who(t, s)
	refused("after an upgrade, while the first process drains", next)
	say(t, ws, "the first process drains")
	if err := syscall.Kill(next, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the second process ends", func() bool { return !alive(next) })
	binary, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	third := exec.Command(binary, "serve", other(addr))
	if err := third.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = third.Process.Kill(); _ = third.Wait() }()
	harness.Eventually(t, "a third process serves in its place", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	say(t, ws, "it drains still")
	ws.Close(websocket.StatusNormalClosure, "")
	select {
	case <-s.Exited():
	case <-time.After(time.Minute):
		t.Error("the first process does not end")
	}
}
