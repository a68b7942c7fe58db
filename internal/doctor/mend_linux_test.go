package doctor

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/doctor/apply"
	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/report"
	"fishplate/internal/doctor/see"
)

// powerless says that the test binary runs in a network namespace of its own as a
// user who is root there and nobody outside: whatever a fix tries to write that
// is not the namespace's, the kernel refuses.
const powerless = "FISHPLATE_DOCTOR_POWERLESS"

// TestMendLive changes settings of a new network namespace, and takes it back.
func TestMendLive(t *testing.T) {
	if os.Getenv(powerless) == "" {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestMendLive$", "-test.v")
		cmd.Env = append(os.Environ(), powerless+"="+t.TempDir())
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWNET | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: nobody, Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: nobody, Size: 1}},
			Credential: &syscall.Credential{NoSetGroups: true},
		}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
			t.Skip("needs root, and user namespaces")
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	setNow(t, "/proc/sys/net/core/somaxconn", "128")
	setNow(t, "/proc/sys/net/ipv4/tcp_syncookies", "0")
	t.Run("nothing unasked", nothingUnasked)
	t.Run("there and back", thereAndBack)
	t.Run("namespaces", namespaces)
	t.Run("state", state)
}

// state: who is root in a user namespace alone has a user's folder for the record,
// since root's is not theirs to write.
func state(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	for named, want := range map[string]string{"": home + "/.local/state/fishplate", "/of/the/environment": "/of/the/environment/fishplate"} {
		t.Setenv("XDG_STATE_HOME", named)
		if got, err := stateDir(); got != want || err != nil || os.Geteuid() != 0 {
			t.Errorf("as user %d with XDG_STATE_HOME=%q: %s, %v", os.Geteuid(), named, got, err)
		}
	}
}

func setNow(t *testing.T, file, value string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
		t.Fatal(err)
	}
}

// settingsNow are all settings of networks and of the whole kernel that can be
// read. Some count or change by themselves, as a look at them twice shows.
func settingsNow(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir("/proc/sys", func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what may not be read is not compared
		}
		if data, err := os.ReadFile(name); err == nil {
			all[name] = string(data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/proc/sys/kernel/random/", "/proc/sys/fs/", "/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/pty/", "/proc/sys/net/netfilter/nf_conntrack_count"} {
		maps.DeleteFunc(all, func(file, _ string) bool { return strings.HasPrefix(file, name) })
	}
	if len(all) < 100 {
		t.Fatalf("only %d settings", len(all))
	}
	return all
}

// nothingUnasked compares every setting before and after each form of a look.
func nothingUnasked(t *testing.T) {
	before := settingsNow(t)
	s := see.Machine()
	for _, o := range []Options{{System: s}, {System: s.Again(), Before: s}, {Probe: true}} {
		r, err := Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(r.Text(io.Discard, report.Style{Color: true}), r.JSON(io.Discard), r.SARIF(io.Discard), r.JUnit(io.Discard, fact.Fail, false), r.Prometheus(io.Discard))
		if err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, _, err := Mend(t.Context(), Options{}, Mending{Out: &b, DryRun: true, Persist: true, State: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "net.core.somaxconn 128 -> 65535  (tcp.somaxconn)\n") {
		t.Error(b.String())
	}
	if diff := cmp.Diff(before, settingsNow(t)); diff != "" {
		t.Errorf("a setting is another:\n%s", diff)
	}
}

// thereAndBack mends all that may be mended, and finds every setting as it was
// after the way back.
func thereAndBack(t *testing.T) {
	before := settingsNow(t)
	m := Mending{State: t.TempDir()}
	var b bytes.Buffer
	m.Out = &b
	r, _, err := Mend(t.Context(), Options{}, m)
	if err != nil {
		t.Fatal(err, b.String())
	}
	for _, x := range r.Results {
		if id := x.Check.ID; (id == "tcp.somaxconn" || id == "tcp.syncookies") && x.Finding.Status != fact.OK {
			t.Errorf("%s: %s, %s\n%s", id, x.Finding.Status, x.Finding.Found, b.String())
		}
	}
	for file, now := range settingsNow(t) {
		if before[file] != now && !strings.Contains(b.String(), strings.ReplaceAll(strings.TrimPrefix(file, "/proc/sys/"), "/", ".")+" ") {
			t.Errorf("%s changed, and no line said so:\n%s", file, b.String())
		}
	}
	if _, err := Unmend(nil, nil, m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, settingsNow(t)); diff != "" {
		t.Errorf("not as before:\n%s\n%s", diff, b.String())
	}
}

// namespaces holds the table of settings that each network namespace has: what a
// fix writes here is there, and what it must not write is the whole kernel's.
func namespaces(t *testing.T) {
	for _, row := range Catalogue() {
		for _, f := range row.Fix {
			for _, s := range f.Set {
				name, ok := strings.CutPrefix(s.File, "/proc/sys/net/")
				if !ok || strings.HasPrefix(name, "bridge/") || strings.HasPrefix(name, "netfilter/") {
					continue
				}
				file, err := os.OpenFile(s.File, os.O_WRONLY, 0)
				mine := err == nil
				if mine {
					file.Close() // nothing was written
				}
				if errors.Is(err, os.ErrNotExist) && s.File == "/proc/sys/net/ipv4/tcp_tw_recycle" {
					continue // Linux 4.12 took it out
				}
				if mine != apply.PerNamespace(s.File) {
					t.Errorf("%s: ours to write here: %v (%v)", s.File, mine, err)
				}
			}
		}
	}
}
