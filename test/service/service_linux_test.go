package service

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fishplate/test/harness"
)

const (
	unit    = "fishplate.service"
	config  = "/etc/fishplate/fishplate.hcl"
	dropIn  = "/etc/systemd/system/fishplate.service.d/test.conf"
	hello   = "hello"
	program = `#include "fishplate.h"
static void on_recv(int req, int none, const char *arg)
{
	unsigned x = 1;

	(void)none; (void)arg; (void)req;
	for (int i = 0; i < 100000; i++)
		x = x * 1103515245u + 12345u;
	fp_synth(x == 7 ? 500 : 200, "text/plain", "guest", 5);
}
int main(void) { fp_wait_for_requests(on_recv); }
`
	// The compiler waits until the test lets it go on, and shows whether it is kept
	// from what is not its own.
	compiler = `#!/bin/sh
case " $* " in *" --version "*) exec /usr/bin/riscv64-linux-gnu-gcc "$@" ;; esac
while [ ! -e /run/compile ]; do sleep 0.05; done
if [ ! -e /run/unconfined ] && cat /var/lib/fishplate/secret >/dev/null 2>&1; then
	echo "the compiler reads the secret of the server" >&2
	exit 1
fi
exec /usr/bin/riscv64-linux-gnu-gcc "$@"
`
)

// site is a configuration.
func site(binds, more string) string {
	return fmt.Sprintf(`admin {
  socket = "/run/fishplate/fishplate.sock"
}
state {
  dir = "/var/lib/fishplate"
}
log "access" {
  path = "/var/log/fishplate/access.log"
}
cache "main" {
  memory = "16MiB"
  disk {
    path = "/var/cache/fishplate/main"
    size = "16MiB"
  }
}
listener "web" {
  bind = [%s]
}
backend "app" { servers = ["127.0.0.1:8081"] }
tenant "t" { program = "main.c" }
vhost "any" {
  route "guest" {
    path    = "/guest"
    tenant  = "t"
    backend = "app"
  }
  route "cached" {
    path    = "/cached"
    backend = "app"
    cache { ttl = "1h" }
  }
  route "all" {
    backend = "app"
  }
%s}
`, binds, more)
}

// TestService installs the package in a machine whose process 1 is systemd, and goes
// through what a service does there. Each step begins where the one before ended.
func TestService(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: a machine of namespaces, with systemd as process 1, cannot be made")
	}
	for _, path := range []string{"/lib/systemd/systemd", "/usr/bin/systemd-analyze", "/usr/bin/nsenter", "/usr/bin/dpkg-deb", "/usr/sbin/adduser", "/usr/bin/pgrep", "/usr/bin/riscv64-linux-gnu-gcc"} {
		if _, err := os.Stat(path); err != nil {
			t.Skip("this machine has no ", path)
		}
	}
	if _, err := os.Stat("/usr/bin/fishplate"); err == nil {
		t.Skip("fishplate is installed on this machine, whose files the test would see")
	}
	m := boot(t, build(t))
	s := &steps{machine: m, slow: make(chan chan struct{})}
	origin := &http.Server{Handler: http.HandlerFunc(s.answer)}
	l := m.listen("127.0.0.1:8081")
	go func() { _ = origin.Serve(l) }() // until it is closed
	t.Cleanup(func() { origin.Close() })
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"the package is installed", s.install},
		{"active is who serves", s.start},
		{"a user who may open low ports", s.user},
		{"a reload is a transaction", s.reload},
		{"an upgrade loses nothing", s.upgrade},
		{"a restart drains and keeps the sockets", s.restart},
		{"a crash keeps the sockets", s.crash},
		{"the filter of system calls refuses nothing that is needed", s.filter},
		{"the watchdog", s.watchdog},
		{"a socket unit", s.socket},
		{"a stop drains", s.stop},
		{"a broken configuration is said once", s.broken},
		{"the package is removed", s.remove},
	} {
		if !t.Run(step.name, func(t *testing.T) {
			defer func(was *testing.T) { m.t = was }(m.t)
			m.t = t
			step.do()
		}) {
			return
		}
	}
}

// build builds the product as it is shipped, and its package.
func build(t *testing.T) (deb string) {
	t.Helper()
	var cmd exec.Cmd
	harness.Plain(t)(&cmd)
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	pack := exec.Command("bash", filepath.Join(root, "packaging/deb.sh"), cmd.Path, "0.0.1~test", out)
	pack.Env = append(os.Environ(), "DPKG_DEB_COMPRESSOR_TYPE=none")
	if text, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	found, err := filepath.Glob(filepath.Join(out, "*.deb"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

type steps struct {
	*machine
	slow chan chan struct{} // requests that wait, until what comes is closed
}

func (s *steps) answer(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/slow" {
		hold := make(chan struct{})
		s.slow <- hold
		<-hold
	}
	_, _ = io.WriteString(w, hello) // the client may be gone
}

// held begins a request that lasts until release is called.
func (s *steps) held() (w waiting, release func()) {
	s.t.Helper()
	w = s.begin("127.0.0.1:80", "/slow")
	hold := <-s.slow
	return w, func() { close(hold) }
}

// main returns the main process, which is another than before.
func (s *steps) main(before string) (pid string) {
	s.t.Helper()
	s.until("another main process serves", func() bool {
		pid = s.show("MainPID")
		return pid != before && pid != "0" && s.show("ActiveState") == "active" && s.show("SubState") == "running"
	})
	return pid
}

func (s *steps) is(property, want string) {
	s.t.Helper()
	if got := s.show(property); got != want {
		status, _ := s.try("systemctl", "status", "--no-pager", "--full", "--lines=50", unit)
		s.t.Fatalf("%s is %q, want %q\n%s", property, got, want, status)
	}
}

// says waits until the process has told systemd so.
func (s *steps) says(want string) {
	s.t.Helper()
	s.until("the status is "+want, func() bool { return s.show("StatusText") == want })
}

// logged waits until the journal has it.
func (s *steps) logged(want string) {
	s.t.Helper()
	s.until("the log says "+want, func() bool { return strings.Contains(s.run("journalctl", "--no-pager", "--unit", unit), want) })
}

func (s *steps) install() {
	s.run("dpkg", "--install", "/opt/fishplate.deb")
	s.run("id", "fishplate")
	s.is("ActiveState", "inactive")
	if out := s.run("systemd-analyze", "verify", "--man=no", unit); out != "" {
		s.t.Error(out)
	}
	s.run("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=25", "/usr/lib/systemd/system/"+unit)
}

func (s *steps) start() {
	s.write("/usr/local/bin/riscv64-linux-gnu-gcc", compiler)
	s.run("chmod", "755", "/usr/local/bin/riscv64-linux-gnu-gcc")
	s.write("/etc/fishplate/main.c", program)
	s.write(config, site(`":80", ":443"`, ""))
	if version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION); errno != 0 || version == 0 {
		s.write("/run/unconfined", "the kernel has no Landlock")
	}
	s.run("systemctl", "start", "--no-block", unit)
	s.until("the program is being compiled", func() bool {
		_, err := s.try("pgrep", "-f", "/usr/local/bin/riscv64-linux-gnu-gcc.*main.c")
		return err == nil
	})
	s.run("test", "-e", "/var/lib/fishplate/secret")
	s.is("ActiveState", "activating")
	if c, err := s.dial("127.0.0.1:80"); err == nil {
		c.Close()
		s.t.Error("it accepts before it serves")
	}
	s.write("/run/compile", "")
	s.run("systemctl", "start", unit) // waits for the start that goes on
	s.is("ActiveState", "active")
	for _, addr := range []string{"127.0.0.1:80", "127.0.0.1:443"} {
		s.wants(addr, "/", hello)
		s.wants(addr, "/guest", "guest")
		s.wants(addr, "/cached", hello)
	}
	s.says("serves generation 1")
}

func (s *steps) user() {
	const bindLow = "0000000000000400" // CAP_NET_BIND_SERVICE, and no other
	status := s.run("cat", "/proc/"+s.main("")+"/status")
	id := s.run("id", "--user", "fishplate")
	for key, want := range map[string]string{"Uid": strings.Join([]string{id, id, id, id}, "\t"), "CapEff": bindLow, "CapBnd": bindLow, "NoNewPrivs": "1", "Seccomp": "2"} {
		if !strings.Contains("\n"+status+"\n", "\n"+key+":\t"+want+"\n") {
			s.t.Errorf("%s is not %s:\n%s", key, want, status)
		}
	}
	if got := s.run("stat", "--format", "%U %a", "/var/lib/fishplate", "/var/log/fishplate", "/run/fishplate"); got != "fishplate 700\nfishplate 750\nfishplate 755" {
		s.t.Errorf("its folders are %q", got)
	}
	s.run("fishplate", "status") // finds the socket where the package has put it
}

func (s *steps) reload() {
	pid := s.main("")
	s.write(config, site(`":80", ":443", ":81"`, "  nonsense = 1\n"))
	s.refused("systemctl", "reload", unit)
	s.logged(`fishplate.hcl:36:3: error: vhost "any" has no attribute "nonsense"`)
	s.is("ActiveState", "active")
	s.says("serves generation 1")
	s.wants("127.0.0.1:80", "/", hello)
	s.write(config, site(`":80", ":443", ":81"`, ""))
	s.run("systemctl", "reload", unit)
	s.says("serves generation 2")
	s.wants("127.0.0.1:81", "/", hello) // a low port, long after the start
	s.is("MainPID", pid)
}

func (s *steps) upgrade() {
	pid, load := s.main(""), s.load("127.0.0.1:80")
	for range 2 {
		s.run("fishplate", "upgrade")
		pid = s.main(pid)
	}
	s.run("dpkg", "--install", "/opt/fishplate.deb") // over itself, as a newer one would be
	pid = s.main(pid)
	load.end(s.machine, 100)
	s.says("serves generation 2") // and no longer who has taken over from whom
	s.is("NRestarts", "0")
	if out := s.refused("fishplate", "upgrade", "/bin/false"); !strings.Contains(out, "the new process ended") {
		s.t.Error(out)
	}
	s.is("MainPID", pid)
	s.wants("127.0.0.1:443", "/guest", "guest")
}

// restart follows an upgrade: the main process is not the one that systemd started.
func (s *steps) restart() {
	before := s.main("")
	slow, release := s.held()
	s.run("systemctl", "restart", "--no-block", unit)
	s.until("it finishes what it has", func() bool { return s.show("SubState") == "stop-sigterm" })
	meanwhile := []waiting{s.begin("127.0.0.1:80", "/"), s.begin("127.0.0.1:81", "/guest")}
	release()
	slow.ends(s.t, "a request that was there before", hello)
	meanwhile[0].ends(s.t, "a connection made meanwhile", hello)
	meanwhile[1].ends(s.t, "a connection made meanwhile", "guest")
	s.main(before)
	s.is("Result", "success")
	s.is("NRestarts", "0")
}

func (s *steps) crash() {
	before := s.main("")
	s.run("kill", "-KILL", before)
	s.wants("127.0.0.1:80", "/", hello)
	s.main(before)
	s.is("NRestarts", "1")
}

// filter ends the service at each call that the unit's filter refuses, but for that
// of the doctor who asks how right the clock is.
func (s *steps) filter() {
	s.write(dropIn, "[Service]\nSystemCallErrorNumber=kill\nSystemCallFilter=adjtimex\nProtectClock=no\n")
	s.run("systemctl", "daemon-reload")
	s.write("/etc/fishplate/main.c", program+"/* another */\n")
	s.run("systemctl", "restart", unit)
	s.wants("127.0.0.1:80", "/guest", "guest")
	s.wants("127.0.0.1:80", "/cached", hello)
	s.write(config, site(`":80", ":443", "unix:/run/fishplate/web.sock"`, ""))
	s.run("systemctl", "reload", unit)
	before := s.main("")
	s.run("fishplate", "upgrade")
	s.main(before)
	s.wants("127.0.0.1:80", "/guest", "guest")
	s.wants("127.0.0.1:443", "/cached", hello)
	s.until("the checks of the machine have run", func() bool {
		return strings.Contains(s.run("fishplate", "status"), "tcp.listen-overflow")
	})
	s.is("NRestarts", "0")
}

func (s *steps) watchdog() {
	s.write(dropIn, "[Service]\nWatchdogSec=3s\n")
	s.run("systemctl", "daemon-reload")
	s.run("systemctl", "restart", unit)
	before := s.main("")
	s.run("kill", "-STOP", before)
	s.main(before)
	s.wants("127.0.0.1:80", "/", hello)
	s.logged("SIGABRT: abort") // and where the process stood
	s.run("rm", dropIn)
	s.run("systemctl", "daemon-reload")
}

func (s *steps) socket() {
	s.run("systemctl", "stop", unit)
	s.write("/etc/systemd/system/fishplate.socket", "[Socket]\nListenStream=127.0.0.1:80\nListenStream=127.0.0.1:8080\nFileDescriptorName=web\n")
	s.write(config, site(`"fd:web", "fd:1", ":443"`, ""))
	s.run("systemctl", "daemon-reload")
	s.run("systemctl", "start", "fishplate.socket")
	s.is("ActiveState", "inactive")
	s.wants("127.0.0.1:80", "/", hello)
	s.wants("127.0.0.1:8080", "/", hello)
	s.wants("127.0.0.1:443", "/", hello)
	before := s.main("")
	s.run("fishplate", "upgrade")
	before = s.main(before)
	s.wants("127.0.0.1:80", "/", hello)
	s.run("systemctl", "restart", unit)
	s.main(before)
	for _, addr := range []string{"127.0.0.1:80", "127.0.0.1:8080", "127.0.0.1:443"} {
		s.wants(addr, "/", hello)
	}
	s.run("systemctl", "stop", unit)
	s.wants("127.0.0.1:8080", "/", hello) // starts it
	s.main("")
	s.run("systemctl", "stop", "fishplate.socket", unit)
	s.run("rm", "/etc/systemd/system/fishplate.socket")
	s.run("systemctl", "daemon-reload")
}

func (s *steps) stop() {
	s.write(config, site(`":80", ":443"`, ""))
	s.run("systemctl", "start", unit)
	before := s.main("")
	s.run("fishplate", "upgrade")
	s.main(before)
	slow, release := s.held()
	s.run("systemctl", "stop", "--no-block", unit)
	s.until("it finishes what it has", func() bool { return s.show("SubState") == "stop-sigterm" })
	release()
	slow.ends(s.t, "a request that was there before", hello)
	s.until("it has ended", func() bool { return s.show("ActiveState") == "inactive" })
	s.is("Result", "success")
	if c, err := s.dial("127.0.0.1:80"); err == nil {
		c.Close()
		s.t.Error("its socket is open after a stop")
	}
}

func (s *steps) broken() {
	s.write(config, site(`":80", ":443"`, "  nonsense = 1\n"))
	s.refused("systemctl", "start", unit)
	s.until("it has failed for good", func() bool { return s.show("ActiveState") == "failed" })
	s.is("NRestarts", "0")
	s.is("ExecMainStatus", "78")
	status, _ := s.try("systemctl", "status", "--no-pager", "--full", "--lines=50", unit)
	if n := strings.Count(status, `/etc/fishplate/fishplate.hcl:36:3: error: vhost "any" has no attribute "nonsense"`); n != 1 {
		s.t.Errorf("the finding stands there %d times:\n%s", n, status)
	}
	s.write(config, site(`":80", ":443"`, ""))
}

func (s *steps) remove() {
	s.run("systemctl", "start", unit)
	s.run("dpkg", "--remove", "fishplate")
	s.until("it has ended", func() bool { return s.show("ActiveState") == "inactive" })
	s.run("test", "-e", config)
	s.run("test", "-e", "/var/lib/fishplate/journal")
	s.run("dpkg", "--purge", "fishplate")
	for _, path := range []string{config, "/var/lib/fishplate", "/var/log/fishplate", "/usr/bin/fishplate", "/usr/lib/systemd/system/" + unit} {
		if _, err := s.try("test", "!", "-e", path); err != nil {
			s.t.Errorf("%s is left", path)
		}
	}
}
