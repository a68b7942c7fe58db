package doctor

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/doctor/apply"
	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/report"
	"fishplate/internal/doctor/see"
)

// untouched is a tree whose files say it when somebody tries to change them.
type untouched struct {
	fs.FS
	t *testing.T
}

func (u untouched) Open(name string) (fs.File, error) {
	f, err := u.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if d, ok := f.(fs.ReadDirFile); ok {
		return untouchedDir{untouchedFile{f, u.t, name}, d}, nil
	}
	return untouchedFile{f, u.t, name}, nil
}

func (u untouched) ReadLink(name string) (string, error)   { return fs.ReadLink(u.FS, name) }
func (u untouched) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(u.FS, name) }

type untouchedFile struct {
	fs.File
	t    *testing.T
	name string
}

func (f untouchedFile) Write(data []byte) (int, error) {
	f.t.Errorf("%s: written: %q", f.name, data)
	return 0, fs.ErrPermission
}

func (f untouchedFile) WriteString(text string) (int, error) { return f.Write([]byte(text)) }

func (f untouchedFile) Truncate(int64) error {
	f.t.Errorf("%s: cut", f.name)
	return fs.ErrPermission
}

type untouchedDir struct {
	untouchedFile
	dir fs.ReadDirFile
}

func (d untouchedDir) ReadDir(n int) ([]fs.DirEntry, error) { return d.dir.ReadDir(n) }

// TestNothingIsChanged runs all checks, in every form and mode but Mend, on
// machines that tell of each write.
func TestNothingIsChanged(t *testing.T) {
	files, err := filepath.Glob(machines + "*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no machines", err)
	}
	for _, file := range files {
		tree := fstest.MapFS{}
		var rec recorded
		rec.fill(t, tree, file)
		before := map[string]string{}
		for name, f := range tree {
			before[name] = string(f.Data)
		}
		s, err := see.Fixture(untouched{tree, t})
		if err != nil {
			t.Fatal(err)
		}
		s.Record()
		r, err := Run(t.Context(), Options{System: s})
		if err != nil {
			t.Fatal(file, err)
		}
		if _, err := Run(t.Context(), Options{System: s.Again(), Before: s}); err != nil {
			t.Fatal(file, err)
		}
		var b bytes.Buffer
		err = errors.Join(r.Text(&b, report.Style{Color: true}), r.JSON(&b), r.SARIF(&b), r.JUnit(&b, fact.Fail, false), r.Prometheus(&b), s.Capture(&b), HostScript(&b))
		if err != nil {
			t.Fatal(file, err)
		}
		for name, f := range tree {
			if before[name] != string(f.Data) {
				t.Errorf("%s: %s is another", file, name)
			}
		}
		if len(before) != len(tree) {
			t.Errorf("%s: %d files, and %d before", file, len(tree), len(before))
		}
	}
}

// TestSettingsAgree: rows that set the same file want the same of it, each
// setting is written for a machine, and a fix for everybody's kernel is undone.
func TestSettingsAgree(t *testing.T) {
	want := map[string]fact.Setting{}
	for _, row := range Catalogue() {
		for _, f := range row.Fix {
			for _, s := range f.Set {
				if old, ok := want[s.File]; ok && old != s {
					t.Errorf("%s: %+v, and elsewhere %+v", row.ID, s, old)
				}
				want[s.File] = s
				if f.Who != fact.Root && f.Who != fact.Us {
					t.Errorf("%s: %s is not ours to set", row.ID, s.File)
				}
				if !strings.HasPrefix(s.File, "/proc/sys/") && !strings.HasPrefix(s.File, "/sys/") || s.Value != strings.TrimSpace(s.Value) || s.Value == "" {
					t.Errorf("%s: %+v", row.ID, s)
				}
				if f.Auto == fact.Never || f.Auto == fact.Already {
					t.Errorf("%s: %s has a setting that nobody applies", row.ID, f.Command)
				}
				if f.Undo == "" || f.Risk == "" {
					t.Errorf("%s: a fix without a risk, or a way back", row.ID)
				}
			}
		}
	}
	if len(want) < 20 {
		t.Errorf("only %d settings", len(want))
	}
}

// TestUndoKnowsChecks: the record may be somebody else's work, and root writes what
// it says: of a check it holds no setting but that check's.
func TestUndoKnowsChecks(t *testing.T) {
	const forward, queue, rps = "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/core/somaxconn", "/sys/class/net/eth0/queues/rx-0/rps_cpus"
	for _, c := range []struct {
		check, file string
		taken       bool
	}{
		{"tcp.somaxconn", queue, true}, {"nic.rps", rps, true}, {"tcp.of-an-older-version", queue, true}, {"nic.of-an-older-version", rps, true},
		{"tcp.somaxconn", forward, false}, {"tcp.autocorking", queue, false}, {"tcp.somaxconn", rps, false}, {"nic.rps", queue, false},
		{"tcp.of-an-older-version", forward, false}, {"nic.rps", "/sys/class/net/eth0/queues/rx-0/../rps_cpus", false},
	} {
		dir := t.TempDir()
		record := fmt.Sprintf(`{"schema": %q, "changes": [{"check": %q, "file": %q, "old": "0", "new": "1", "place": "initial"}]}`, apply.Schema, c.check, c.file)
		for name, text := range map[string]string{"proc/sys/net/core/netdev_max_backlog": "1000", "state/doctor-changes.json": record, c.file: "1"} {
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		s, err := At(dir)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, err = unmend(s, nil, nil, Mending{Out: &b, State: "/state", Hand: apply.Below(dir)})
		now, rerr := os.ReadFile(filepath.Join(dir, c.file))
		if rerr != nil || (string(now) == "0\n") != c.taken || (err == nil) != c.taken {
			t.Errorf("%s %s: %q, %v, %v\n%s", c.check, c.file, now, err, rerr, b.String())
		}
	}
}

// TestMend goes from the finding to the file, and looks again.
func TestMend(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"proc/sys/net/core/somaxconn": "128", "proc/sys/net/core/netdev_max_backlog": "1000", "proc/sys/net/ipv4/tcp_syncookies": "1",
		"proc/sys/net/ipv4/tcp_autocorking": "1", "proc/sys/kernel/osrelease": "6.12.0",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := At(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	m := Mending{Out: &b, State: "/state"}
	o := Options{System: s, Only: []string{"tcp.somaxconn", "tcp.syncookies"}}
	if _, _, err := Mend(t.Context(), o, m); err == nil {
		t.Error("a machine that is not ours was mended without a hand for it")
	}
	m.Hand = apply.Below(dir)
	r, faults, err := Mend(t.Context(), o, m)
	if err != nil || faults != 0 {
		t.Fatal(faults, err)
	}
	if diff := cmp.Diff("net.core.somaxconn 128 -> 65535  (tcp.somaxconn)\n1 setting changed; fishplate doctor --undo takes it back.\n"+
		"tcp.somaxconn: fail -> ok, a listener may hold 65535 connections that wait for accept\n", b.String()); diff != "" {
		t.Error(diff)
	}
	if r.Exit(Fail, false) != 0 {
		t.Error("the report is of before")
	}
}
