package apply

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fishplate/internal/doctor/fact"
)

// TestUndoAfterOthers: only what still has our value goes back.
func TestUndoAfterOthers(t *testing.T) {
	dir := machine(t, nil)
	fix(t, on(t, dir), three())
	put(t, dir, somaxconn, "9999")
	put(t, dir, syncookies, "0")
	if err := os.Remove(filepath.Join(dir, swappiness)); err != nil {
		t.Fatal(err)
	}
	done, said := undo(t, on(t, dir))
	same(t, "undo", said, `vm.swappiness is not there any more: no such file or directory
net.ipv4.tcp_syncookies is 0 again already
net.core.somaxconn is 9999, and not 65535 as we left it: somebody changed it since, and it stays
`)
	if done.Changed != 0 || done.Faults != 0 || get(t, dir, somaxconn) != "9999" {
		t.Errorf("%+v", done)
	}
	// Somebody set it in between, and then we did again: theirs comes back.
	dir = machine(t, nil)
	fix(t, on(t, dir), three())
	put(t, dir, somaxconn, "777")
	fix(t, on(t, dir), three())
	undo(t, on(t, dir))
	if got := get(t, dir, somaxconn); got != "777" {
		t.Error(got)
	}
	// We set it twice: the value from before both comes back.
	dir = machine(t, nil)
	fix(t, on(t, dir), three())
	fix(t, on(t, dir), ails(sysctl("net.core.somaxconn", "131072", fact.Freely, true)))
	undo(t, on(t, dir))
	if got := get(t, dir, somaxconn); got != "128" {
		t.Error(got)
	}
}

// TestUndoElsewhere: the same value in another namespace, or after a restart, is
// not ours.
func TestUndoElsewhere(t *testing.T) {
	link := func(to string) string { return `{"links": {"/proc/self/ns/net": "` + to + `"}}` }
	dir := machine(t, map[string]string{backlog: "", "/probe.json": link("net:[1]")})
	fix(t, on(t, dir), three())
	put(t, dir, "/probe.json", link("net:[2]"))
	_, said := undo(t, on(t, dir))
	if get(t, dir, somaxconn) != "65535" || !strings.Contains(said, "net.core.somaxconn: changed in another network namespace (net:[1]); undo it from there") {
		t.Error(said)
	}
	put(t, dir, "/probe.json", link("net:[1]"))
	if undo(t, on(t, dir)); get(t, dir, somaxconn) != "128" {
		t.Error("not undone where it was done")
	}
	dir = machine(t, nil)
	fix(t, on(t, dir), three())
	put(t, dir, bootID, "second")
	_, said = undo(t, on(t, dir))
	if get(t, dir, somaxconn) != "65535" || !strings.Contains(said, "net.core.somaxconn: the change ended with a restart; it is 65535") {
		t.Error(said)
	}
	// What was kept is ours after a restart, too.
	dir = machine(t, nil)
	o := on(t, dir)
	o.Persist = true
	fix(t, o, three())
	put(t, dir, bootID, "second")
	undo(t, on(t, dir))
	if get(t, dir, somaxconn) != "128" || get(t, dir, sysctlFile) != "absent" {
		t.Error("not undone after a restart")
	}
}

// TestOnlySome undoes the changes of some checks.
func TestOnlySome(t *testing.T) {
	dir := machine(t, nil)
	fix(t, on(t, dir), three())
	var b bytes.Buffer
	if _, err := on(t, dir).Undo(func(id string) bool { return id == "t.b" }, &b); err != nil {
		t.Fatal(err)
	}
	same(t, "one", b.String(), "net.ipv4.tcp_syncookies 1 -> 0  (t.b)\n1 setting taken back.\n")
	b.Reset()
	if _, err := on(t, dir).Undo(func(id string) bool { return id == "t.b" }, &b); err != nil {
		t.Fatal(err)
	}
	same(t, "again", b.String(), "Nothing to undo: no change was made for these checks.\n")
	if _, said := undo(t, on(t, dir)); !strings.Contains(said, "2 settings taken back") {
		t.Error(said)
	}
}
