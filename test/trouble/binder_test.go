package trouble

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"fishplate/test/harness"
)

// nobody is a user to become, where there is root to give up.
func nobody(t *testing.T) (uid, gid int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("root is missing, which is to be given up")
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("the user nobody is missing: ", err)
	}
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if first, _ := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || first < 1024 {
		t.Skip("privileged ports are missing: ip_unprivileged_port_start is ", first, err)
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid
}

// lowAddrs are addresses with ports below 1024 that nobody has.
func lowAddrs(t *testing.T, n int) (list []string) {
	t.Helper()
	for port := 700; port < 1024 && len(list) < n; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			list = append(list, l.Addr().String())
			l.Close()
		}
	}
	if len(list) < n {
		t.Skip("free ports below 1024 are missing")
	}
	return list
}

// reachable lets a user into the folders of a test and of the binary, and gives it
// the former.
func reachable(t *testing.T, uid, gid int) harness.Option {
	return func(cmd *exec.Cmd) {
		dir := filepath.Dir(cmd.Args[len(cmd.Args)-1])
		for _, path := range []string{dir, filepath.Dir(dir), filepath.Dir(cmd.Path)} {
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
}

// rights checks who every thread of a process is, and what it may.
func rights(t *testing.T, pid, uid int, bounding string) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatal(pid, err)
	}
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that has ended
		}
		id := strconv.Itoa(uid)
		for _, want := range []string{
			"Uid: " + strings.Join([]string{id, id, id, id}, " "), "NoNewPrivs: 1",
			"CapPrm: " + bounding, "CapEff: " + bounding, "CapBnd: " + bounding, "CapAmb: " + bounding, "CapInh: ",
		} {
			if !slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool {
				return strings.HasPrefix(strings.Join(strings.Fields(line), " "), strings.TrimSpace(want))
			}) {
				t.Errorf("%s has not %q:\n%s", path, want, text)
			}
		}
	}
}

const (
	noRights = "0000000000000000"
	onlyBind = "0000000000000400"
)

// helperOf finds the child that opens ports.
func helperOf(t *testing.T, pid int) int {
	t.Helper()
	list, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range list {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), fmt.Sprintf("\nPPid:\t%d\n", pid)) {
			continue
		}
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if words, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child)); strings.HasSuffix(string(words), "\x00binder\x00") {
			return child
		}
	}
	t.Fatalf("process %d has no helper", pid)
	return 0
}

// TestPrivilegedPorts starts as root, becomes nobody, and opens ports below 1024 at
// later changes, after an upgrade too; and then without its helper, which cannot be
// done and disturbs nothing else.
func TestPrivilegedPorts(t *testing.T) {
	uid, gid := nobody(t)
	addrs := lowAddrs(t, 5)
	text := func(user string, addrs ...string) string {
		var list []string
		for _, a := range addrs {
			list = append(list, strconv.Quote(a))
		}
		return fmt.Sprintf("process { user = %q }\nlistener \"web\" { bind = [%s] }\nvhost \"any\" {\n route \"r\" {\n respond { status = 200 }\n }\n}\n", user, strings.Join(list, ", "))
	}
	s := upgradable(t, text("nobody", addrs[0]), reachable(t, uid, gid))
	helper := helperOf(t, s.PID())
	rights(t, s.PID(), uid, noRights)
	rights(t, helper, uid, onlyBind)
	served(t, addrs[0])
	change := func(n int) {
		t.Helper()
		s.Write(text("nobody", addrs[:n]...))
		if _, errs, code := s.Run("reload"); code != 0 {
			t.Fatal(code, errs)
		}
		for _, a := range addrs[:n] {
			served(t, a)
		}
	}
	change(2)

	if _, errs, code := s.Run("upgrade"); code != 0 {
		t.Fatal(code, errs)
	}
	harness.Eventually(t, "the process before has ended", func() bool { _, before := who(t, s); return before == 0 })
	pid, _ := who(t, s)
	rights(t, pid, uid, noRights)
	change(3)
	if _, errs, code := s.Run("upgrade"); code != 0 {
		t.Fatal(code, errs)
	}
	change(4)
	rights(t, helper, uid, onlyBind)

	if err := syscall.Kill(helper, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.Write(text("nobody", addrs...))
	if _, errs, code := s.Run("reload"); code != 1 || !strings.Contains(errs, "the helper that may open ports below 1024 is gone: restart the process") {
		t.Error(code, errs)
	}
	s.Write(text("daemon", addrs[:4]...))
	if _, errs, code := s.Run("reload"); code != 1 || !strings.Contains(errs, "process.user is nobody as long as the process runs, and cannot become daemon") {
		t.Error(code, errs)
	}
	high := harness.FreeAddr(t)
	s.Apply(text("nobody", append(addrs[:4:4], high)...))
	for _, a := range append(addrs[:4:4], high) {
		served(t, a)
	}
}

// TestPrivilegedAdmin has the admin API's TCP address below 1024, at the start, after
// a change and after an upgrade.
func TestPrivilegedAdmin(t *testing.T) {
	uid, gid := nobody(t)
	addrs := lowAddrs(t, 3)
	text := fmt.Sprintf("process { user = \"nobody\" }\nlistener \"web\" { bind = [%q] }\nvhost \"any\" {\n route \"r\" {\n respond { status = 200 }\n }\n}\n", addrs[0])
	bind := func(config, admin string) {
		t.Helper()
		was, err := os.ReadFile(config)
		if err == nil {
			now := strings.Replace(string(was), "admin {\n", fmt.Sprintf("admin {\n  http { bind = %q }\n", admin), 1)
			err = os.WriteFile(config, []byte(now), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	answers := func(admin string) {
		t.Helper()
		res, err := http.Get("http://" + admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("%s answers %d", admin, res.StatusCode)
		}
	}
	change := func(s *harness.Server, admin string) {
		t.Helper()
		s.Write(text)
		bind(s.Config, admin)
		if _, errs, code := s.Run("reload"); code != 0 {
			t.Fatal(code, errs)
		}
		answers(admin)
	}
	s := upgradable(t, text, func(cmd *exec.Cmd) { bind(cmd.Args[len(cmd.Args)-1], addrs[1]) }, reachable(t, uid, gid))
	rights(t, s.PID(), uid, noRights)
	answers(addrs[1])
	change(s, addrs[2])
	if _, errs, code := s.Run("upgrade"); code != 0 {
		t.Fatal(code, errs)
	}
	answers(addrs[2])
	change(s, addrs[1])
}

// TestHelperDiesFirst tells at once that the helper has ended.
func TestHelperDiesFirst(t *testing.T) {
	uid, gid := nobody(t)
	addr := lowAddrs(t, 1)[0]
	s := harness.Start(t, fmt.Sprintf("process {\n user = \"nobody\"\n group = %q\n}\nlistener \"web\" { bind = [%q] }\nvhost \"any\" {\n route \"r\" {\n respond { status = 200 }\n }\n}\n",
		strconv.Itoa(gid), addr), reachable(t, uid, gid))
	if err := syscall.Kill(helperOf(t, s.PID()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the log says that the helper is gone", func() bool {
		return strings.Contains(s.Stderr(), "the helper that may open ports below 1024 is gone")
	})
	served(t, addr)
}

// TestRootIsNotGivenUp refuses a start that could not become what it is to be.
func TestRootIsNotGivenUp(t *testing.T) {
	nobody(t)
	binary, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "roots"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, process, state, want string }{
		{"an unknown user", `user = "nobody-of-that-name"`, `dir = "state"`, `give up root: look up user "nobody-of-that-name"`},
		{"root's state folder", `user = "nobody"`, `dir = "roots"`, "roots belongs to user 0: chown -R nobody"},
		{"the default state folder", `user = "nobody"`, "", "user needs state.dir"},
		{"a group alone", `group = "nogroup"`, `dir = "state"`, "a group without a user"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, "fishplate.hcl")
			text := fmt.Sprintf("process { %s }\nstate { %s }\nadmin { socket = \"run/admin.sock\" }\nlistener \"web\" { bind = [\"127.0.0.1:0\"] }\nvhost \"any\" {\n route \"r\" {\n respond { status = 204 }\n }\n}\n", c.process, c.state)
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(binary, "serve", path).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v, want %q:\n%s", err, c.want, out)
			}
		})
	}
}
