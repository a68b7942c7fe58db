package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBrokenRecord: nothing is changed when it could not be taken back.
func TestBrokenRecord(t *testing.T) {
	tampered := func(file, old string) string {
		return fmt.Sprintf(`{"schema": %q, "changes": [{"check": "t.a", "file": %q, "old": %q, "new": "128"}]}`, Schema, file, old)
	}
	for _, text := range []string{
		"{", `{"schema": "other/1"}`, "[]",
		tampered("/etc/motd", "x"), tampered("/proc/sys/../../etc/motd", "x"), tampered("proc/sys/net/core/somaxconn", "x"), tampered(somaxconn, "1\n2"),
		tampered("/proc/sys/kernel/core_pattern", "|/tmp/x"), tampered("/sys/class/net/eth0/device/driver_override", "x"),
	} {
		dir := machine(t, map[string]string{state + "/doctor-changes.json": text})
		if _, err := on(t, dir).Fix(three(), &bytes.Buffer{}); err == nil || get(t, dir, somaxconn) != "128" {
			t.Errorf("%s: %v, and it is %s", text, err, get(t, dir, somaxconn))
		}
		if _, err := on(t, dir).Undo(func(string) bool { return true }, &bytes.Buffer{}); err == nil {
			t.Errorf("%s: undone", text)
		}
	}
}

// TestFullRecord: a record never becomes larger than it may be when it is read. What
// would make it so is not changed, and what stands in it can be taken back.
func TestFullRecord(t *testing.T) {
	with := func(n int) []byte { // changes in namespaces that we are not in
		r := record{Schema: Schema}
		for i := range n {
			r.Changes = append(r.Changes, change{Check: "t.a", File: somaxconn, Old: "1", New: "2", Place: fmt.Sprintf("net:[%010d]", i), Boot: "first"})
		}
		data, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	empty, one := len(with(1)), len(with(2))-len(with(1))
	data := with(1 + (maxSaved-1-empty)/one)
	dir := machine(t, map[string]string{state + "/doctor-changes.json": string(data)})
	if _, err := on(t, dir).Fix(three(), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "--undo") || get(t, dir, somaxconn) != "128" {
		t.Errorf("%v, and it is %s", err, get(t, dir, somaxconn))
	}
	if got := get(t, dir, state+"/doctor-changes.json"); got != string(data) {
		t.Error("the record is another one")
	}
	if _, said := undo(t, on(t, dir)); strings.Contains(said, "read record") {
		t.Error(said)
	}
}

// TestOneAtATime: two that fix at once would record each other's values.
func TestOneAtATime(t *testing.T) {
	dir := machine(t, nil)
	free, err := on(t, dir).hold()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := on(t, dir).Fix(three(), &bytes.Buffer{}); err == nil || get(t, dir, somaxconn) != "128" {
		t.Errorf("two at once: %v", err)
	}
	free()
	if done, _ := fix(t, on(t, dir), three()); done.Changed != 3 {
		t.Errorf("%+v", done)
	}
}

// TestHalfSaved: what a run that was killed had begun to save is removed by the next
// one, and nothing else is.
func TestHalfSaved(t *testing.T) {
	for name, next := range map[string]func(*testing.T, Options) string{
		"fix":  func(t *testing.T, o Options) string { _, said := fix(t, o, three()); return said },
		"undo": func(t *testing.T, o Options) string { _, said := undo(t, o); return said },
	} {
		dir := machine(t, nil)
		const half, other = state + "/.fishplate-1.new", state + "/secret.new"
		put(t, dir, half, "{")
		put(t, dir, other, "x")
		o := on(t, dir)
		o.DryRun = true
		if next(t, o); get(t, dir, half) != "{" {
			t.Errorf("%s: removed by a dry run", name)
		}
		said := next(t, on(t, dir))
		if get(t, dir, half) != "absent" || get(t, dir, other) != "x" {
			t.Errorf("%s: %s is %s and %s is %s\n%s", name, half, get(t, dir, half), other, get(t, dir, other), said)
		}
	}
}

// TestLinkedLock: the folder of the record may belong to the service. A link in it
// makes no file elsewhere.
func TestLinkedLock(t *testing.T) {
	dir := machine(t, nil)
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, state), 0o755), os.Symlink("../../../etc/nologin", filepath.Join(dir, state, "doctor.lock"))); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "/etc/motd", "x")
	if _, err := on(t, dir).Fix(three(), &bytes.Buffer{}); err == nil || get(t, dir, "/etc/nologin") != "absent" || get(t, dir, somaxconn) != "128" {
		t.Errorf("by a link: %v, and the file is %s", err, get(t, dir, "/etc/nologin"))
	}
}
