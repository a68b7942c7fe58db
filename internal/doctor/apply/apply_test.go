package apply

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/report"
	"fishplate/internal/doctor/see"
)

// The files of the tests.
const (
	somaxconn  = "/proc/sys/net/core/somaxconn"
	syncookies = "/proc/sys/net/ipv4/tcp_syncookies"
	swappiness = "/proc/sys/vm/swappiness"
	backlog    = "/proc/sys/net/core/netdev_max_backlog"
	bootID     = "/proc/sys/kernel/random/boot_id"
	thp        = "/sys/kernel/mm/transparent_hugepage/enabled"
	rps        = "/sys/class/net/eth0/queues/rx-0/rps_cpus"
	conntrack  = "/proc/sys/net/netfilter/nf_conntrack_max"
	state      = "/var/lib/fishplate"
)

// machine makes a tree of files, with those of every machine.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{backlog: "1000", bootID: "first", somaxconn: "128", syncookies: "0", swappiness: "60"}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		if text != "" {
			put(t, dir, name, text)
		}
	}
	return dir
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text+"\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "absent"
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(data), "\n")
}

// on are the options for a tree as it stands now.
func on(t *testing.T, dir string) Options {
	t.Helper()
	s, err := see.At(dir)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Hand: Below(dir), System: s, State: state}
}

// ails makes results that warn, one for each fix.
func ails(fixes ...fact.Fix) (list []report.Result) {
	for i, f := range fixes {
		id := "t." + string(rune('a'+i))
		list = append(list, report.Result{Check: fact.Check{ID: id, Fix: []fact.Fix{f}}, Finding: fact.Say(fact.Warn, "low")})
	}
	return list
}

func sysctl(name, value string, auto fact.Auto, raise bool) fact.Fix {
	return fact.Sysctl(name, value, "none", auto, raise)
}

// three ails: a number to raise, a switch, and a setting of the whole kernel.
func three() []report.Result {
	return ails(sysctl("net.core.somaxconn", "65535", fact.Freely, true), sysctl("net.ipv4.tcp_syncookies", "1", fact.Freely, false), sysctl("vm.swappiness", "10", fact.Freely, false))
}

func fix(t *testing.T, o Options, results []report.Result) (Outcome, string) {
	t.Helper()
	var b bytes.Buffer
	done, err := o.Fix(results, &b)
	if err != nil {
		t.Fatal(err)
	}
	return done, b.String()
}

func undo(t *testing.T, o Options) (Outcome, string) {
	t.Helper()
	var b bytes.Buffer
	done, err := o.Undo(func(string) bool { return true }, &b)
	if err != nil {
		t.Fatal(err)
	}
	return done, b.String()
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s:\n%s", what, diff)
	}
}

// TestFixAndUndo goes there and back: the lines, the files, and undo a second time.
func TestFixAndUndo(t *testing.T) {
	dir := machine(t, nil)
	done, said := fix(t, on(t, dir), three())
	same(t, "fix", said, `net.core.somaxconn 128 -> 65535  (t.a)
net.ipv4.tcp_syncookies 0 -> 1  (t.b)
vm.swappiness 60 -> 10  (t.c)
3 settings changed; fishplate doctor --undo takes it back.
`)
	if !cmp.Equal(done, Outcome{Changed: 3, Checks: []string{"t.a", "t.b", "t.c"}}) {
		t.Errorf("%+v", done)
	}
	if got := get(t, dir, somaxconn) + " " + get(t, dir, syncookies) + " " + get(t, dir, swappiness); got != "65535 1 10" {
		t.Error(got)
	}
	_, said = fix(t, on(t, dir), three())
	same(t, "fix again", said, "Nothing to change.\n")
	_, said = undo(t, on(t, dir))
	same(t, "undo", said, `vm.swappiness 10 -> 60  (t.c)
net.ipv4.tcp_syncookies 1 -> 0  (t.b)
net.core.somaxconn 65535 -> 128  (t.a)
3 settings taken back.
`)
	if got := get(t, dir, somaxconn) + " " + get(t, dir, syncookies) + " " + get(t, dir, swappiness); got != "128 0 60" {
		t.Error(got)
	}
	done, said = undo(t, on(t, dir))
	if !strings.HasPrefix(said, "Nothing to undo: the last change was taken back at 2") || done.Faults != 0 {
		t.Error(said)
	}
	_, said = undo(t, on(t, machine(t, nil)))
	same(t, "undo without a record", said, "Nothing to undo: /var/lib/fishplate/doctor-changes.json records no change.\n")
}

// TestDryRun says what would be done, and does nothing at all.
func TestDryRun(t *testing.T) {
	dir := machine(t, nil)
	o := on(t, dir)
	o.DryRun, o.Persist = true, true
	before := tree(t, dir)
	_, dry := fix(t, o, three())
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("a file changed:\n%s", diff)
	}
	o = on(t, dir)
	o.Persist = true
	_, wet := fix(t, o, three())
	same(t, "the two runs", strings.Replace(dry, "Nothing was changed: --dry-run.", "3 settings changed; fishplate doctor --undo takes it back.", 1), wet)
	before = tree(t, dir)
	o = on(t, dir)
	o.DryRun = true
	_, dry = undo(t, o)
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("a file changed:\n%s", diff)
	}
	_, wet = undo(t, on(t, dir))
	same(t, "the two ways back", strings.Replace(dry, "Nothing was changed: --dry-run.", "3 settings taken back.", 1), wet)
}

// tree is all files below a folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			m[strings.TrimPrefix(name, dir)] = get(t, "", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestWhatIsLeft: only what is automatic, ours and asked for is done.
func TestWhatIsLeft(t *testing.T) {
	by := func(who fact.Who, auto fact.Auto) fact.Fix {
		f := sysctl("net.core.somaxconn", "65535", auto, true)
		f.Who = who
		return f
	}
	for name, c := range map[string]struct {
		fix   fact.Fix
		named []string
		want  string
	}{
		"never":       {by(fact.Root, fact.Never), []string{"t.a"}, "by hand"},
		"the host":    {by(fact.ByHost, fact.Freely), nil, "for the host of this machine"},
		"provider":    {by(fact.Provider, fact.Freely), nil, "for the provider of this machine"},
		"asked":       {by(fact.Root, fact.Asked), nil, "others feel it, too: --fix --only t.a"},
		"its own":     {by(fact.Us, fact.Already), nil, "Nothing to change."},
		"asked for":   {by(fact.Root, fact.Asked), []string{"t.a"}, "128 -> 65535"},
		"no file":     {fact.Fix{Command: "reboot", Who: fact.Root, Auto: fact.Freely}, nil, "Not done, by hand:\n  reboot  (t.a)"},
		"higher":      {sysctl("net.core.somaxconn", "64", fact.Freely, true), nil, "Nothing to change."},
		"not a name":  {fact.Fix{Who: fact.Root, Auto: fact.Freely, Command: "echo", Set: []fact.Setting{{File: swappiness, Value: "1\" RUN+=\"x"}}}, nil, "its name is none"},
		"not a file":  {sysctl("net.core.none", "1", fact.Freely, true), nil, "cannot be read: no such file"},
		"lower, too":  {sysctl("net.core.somaxconn", "64", fact.Freely, false), nil, "128 -> 64"},
		"and of both": {fact.Fix{Who: fact.Root, Auto: fact.Freely, Set: []fact.Setting{{File: somaxconn, Value: "1"}, {File: somaxconn, Value: "2"}}}, nil, "128 -> 1  (t.a)\n1 setting"},
	} {
		o := on(t, machine(t, nil))
		o.Named = c.named
		if _, said := fix(t, o, ails(c.fix)); !strings.Contains(said, c.want) {
			t.Errorf("%s: %s", name, said)
		}
	}
	ok := ails(sysctl("net.core.somaxconn", "65535", fact.Freely, true))
	ok[0].Finding.Status = fact.Info
	if _, said := fix(t, on(t, machine(t, nil)), ok); said != "Nothing to change.\n" {
		t.Error("information was mended:", said)
	}
}

// TestShared: what others of the host would feel is not written from a container.
func TestShared(t *testing.T) {
	docker := fact.Environment{Stack: []fact.Layer{{Kind: fact.Container, Name: "docker", Confidence: fact.High}}}
	wsl := fact.Environment{Stack: []fact.Layer{{Kind: fact.Container, Name: "wsl2", Confidence: fact.High}}}
	own := map[string]string{backlog: ""}
	for name, c := range map[string]struct {
		env     fact.Environment
		files   map[string]string
		changed int
		want    string
	}{
		"a machine":        {changed: 3},
		"wsl":              {env: wsl, changed: 3},
		"a namespace":      {files: own, changed: 2, want: "Not done, it holds for the whole machine, and this is only one network namespace of it:\n  sysctl -w vm.swappiness='10'  (t.c)\n"},
		"docker":           {env: docker, files: own, changed: 2, want: "Not done, it holds for the whole host of this container: set it there:\n"},
		"--network host":   {env: docker, changed: 0, want: "Not done, this container shares the network of its host, and with it this setting: set it there:\n  sysctl -w net.core.somaxconn='65535'  (t.a)\n"},
		"not believed":     {env: fact.Environment{Stack: []fact.Layer{{Kind: fact.Container, Name: "docker", Confidence: fact.Low}}}, changed: 3},
		"host's netfilter": {env: docker, files: map[string]string{conntrack: "1000"}, changed: 0},
	} {
		dir := machine(t, c.files)
		o := on(t, dir)
		o.Env = c.env
		done, said := fix(t, o, three())
		// What is refused should have been changed, and was not.
		if done.Changed != c.changed || !strings.Contains(said, c.want) || done.Faults != 3-c.changed {
			t.Errorf("%s: %+v\n%s", name, done, said)
		}
		if c.changed < 3 && get(t, dir, swappiness) != "60" {
			t.Errorf("%s: the whole kernel's setting was written", name)
		}
	}
	o := on(t, machine(t, own))
	if why := o.shared(conntrack); why == "" {
		t.Error("the table of connections is the whole kernel's")
	}
}

// TestPersist: one file of ours for each reader, never those of others.
func TestPersist(t *testing.T) {
	results := append(three(),
		report.Result{Check: fact.Check{ID: "t.d"}, Finding: fact.Say(fact.Fail, "").Mend(
			fact.Fix{Who: fact.Root, Auto: fact.Freely, Set: []fact.Setting{{File: thp, Value: "madvise"}, {File: rps, Value: "ff,ffffffff"}, {File: conntrack, Value: "1048576", Raise: true}}})})
	other := map[string]string{
		"/etc/sysctl.d/10-other.conf": "net.core.somaxconn = 1", "/etc/sysctl.d/99-late.conf": "net/core/somaxconn=4096", "/etc/sysctl.conf": "# vm.swappiness = 1",
		thp: "[always] madvise never", rps: "00,00000000", conntrack: "65536",
	}
	dir := machine(t, other)
	o := on(t, dir)
	_, said := fix(t, o, results)
	if strings.Contains(said, "/etc/") || get(t, dir, sysctlFile) != "absent" {
		t.Error("kept without --persist:", said)
	}
	// The findings are gone now; what was changed before is kept nevertheless.
	o = on(t, dir)
	o.Persist = true
	put(t, dir, thp, "always [madvise] never")
	done, said := fix(t, o, nil)
	if done.Faults != 0 || !strings.Contains(said, "but /etc/sysctl.d/99-late.conf is read later, and sets 4096\n") {
		t.Error(said)
	}
	lines := strings.Split(get(t, dir, sysctlFile), "\n")
	for _, want := range []string{strings.TrimSpace(mark), "net.core.somaxconn = 65535", "net.ipv4.tcp_syncookies = 1", "vm.swappiness = 10", "net.netfilter.nf_conntrack_max = 1048576"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%s has no line %q:\n%s", sysctlFile, want, strings.Join(lines, "\n"))
		}
	}
	if got := get(t, dir, tmpfilesFile); !strings.HasSuffix(got, "\nw "+thp+" - - - - madvise") {
		t.Error(got)
	}
	udev := get(t, dir, udevFile)
	if !strings.Contains(udev, `KERNEL=="eth0", ATTR{queues/rx-0/rps_cpus}="ff,ffffffff"`) || !strings.Contains(udev, `KERNEL=="nf_conntrack", RUN+="/lib/systemd/systemd-sysctl --prefix=/net/netfilter"`) {
		t.Error(udev)
	}
	if _, again := fix(t, o, nil); strings.Contains(again, sysctlFile) {
		t.Error("kept twice:", again)
	}
	for name, want := range other {
		if strings.HasPrefix(name, "/etc/") && get(t, dir, name) != want {
			t.Errorf("%s was changed", name)
		}
	}
	// Somebody edits one line: the way back leaves it.
	put(t, dir, sysctlFile, strings.Replace(get(t, dir, sysctlFile), "tcp_syncookies = 1", "tcp_syncookies = 2", 1))
	_, said = undo(t, on(t, dir))
	if got := get(t, dir, sysctlFile); !strings.HasSuffix(got, "net.ipv4.tcp_syncookies = 2") || strings.Contains(got, "swappiness") {
		t.Errorf("%s\n%s", got, said)
	}
	if get(t, dir, tmpfilesFile) != "absent" || get(t, dir, udevFile) != "absent" {
		t.Error("files of ours without a line of ours:", said)
	}
}

// TestNotOurs: a file with our name that is not ours, or a link, stays as it is.
func TestNotOurs(t *testing.T) {
	dir := machine(t, map[string]string{sysctlFile: "kernel.sysrq = 1"})
	o := on(t, dir)
	o.Persist = true
	done, said := fix(t, o, three())
	if done.Faults != 1 || done.Changed != 3 || !strings.Contains(said, "not kept: "+sysctlFile+" was not written by us, and is left alone") || get(t, dir, sysctlFile) != "kernel.sysrq = 1" {
		t.Errorf("%+v %s", done, said)
	}
	dir = machine(t, map[string]string{"/etc/precious": strings.TrimSpace(mark)})
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "/etc/sysctl.d"), 0o755), os.Symlink("../precious", filepath.Join(dir, sysctlFile))); err != nil {
		t.Fatal(err)
	}
	o = on(t, dir)
	o.Persist = true
	if done, said := fix(t, o, three()); done.Faults != 1 || get(t, dir, "/etc/precious") != strings.TrimSpace(mark) {
		t.Errorf("%+v %s", done, said)
	}
}

// TestPersistNowhere: in a container nobody reads our files, and a namespace ends.
func TestPersistNowhere(t *testing.T) {
	for _, c := range []struct {
		kind string
		own  bool
		want string
	}{
		{"", false, ""}, {"", true, "this network namespace ends"}, {"docker", true, "a container begins anew"}, {"kubernetes", true, "a container begins anew"}, {"lxd", true, ""}, {"nspawn", true, ""},
	} {
		files := map[string]string{}
		if c.own {
			files[backlog] = ""
		}
		dir := machine(t, files)
		o := on(t, dir)
		o.Persist = true
		if c.kind != "" {
			o.Env = fact.Environment{Stack: []fact.Layer{{Kind: fact.Container, Name: c.kind, Confidence: fact.High}}}
		}
		_, said := fix(t, o, three())
		if made := get(t, dir, sysctlFile) != "absent"; made != (c.want == "") || !strings.Contains(said, c.want) {
			t.Errorf("%+v: %s", c, said)
		}
	}
}

// clumsy is a hand that something goes wrong with.
type clumsy struct {
	Hand
	may, write, save error
	clamp            string
}

func (c clumsy) May(file string) error {
	if c.may != nil {
		return c.may
	}
	return c.Hand.May(file)
}

func (c clumsy) Write(file, value string) error {
	if c.write != nil {
		return c.write
	}
	if c.clamp != "" {
		value = c.clamp
	}
	return c.Hand.Write(file, value)
}

func (c clumsy) Save(file string, data []byte, mode fs.FileMode) error {
	if c.save != nil {
		return c.save
	}
	return c.Hand.Save(file, data, mode)
}

// TestClumsy: what goes wrong is said, counted, and leaves a true record.
func TestClumsy(t *testing.T) {
	one := ails(sysctl("net.core.somaxconn", "65535", fact.Freely, true))
	denied := &fs.PathError{Op: "open", Path: somaxconn, Err: syscall.EACCES}
	for name, c := range map[string]struct {
		hand clumsy
		want string
		undo string
	}{
		"nobody":    {clumsy{may: denied}, "Not done, only root may:\n  sysctl -w net.core.somaxconn='65535'  (t.a)\n", "records no change"},
		"read-only": {clumsy{may: &fs.PathError{Op: "open", Path: somaxconn, Err: syscall.EROFS}}, "Not done, read-only here: whoever started this container can set it:\n", "records no change"},
		"refused":   {clumsy{write: syscall.EINVAL}, "net.core.somaxconn 128 -> 65535  (t.a)\n  not changed: invalid argument\n", "records no change"},
		"clamped":   {clumsy{clamp: "32768"}, "net.core.somaxconn 128 -> 65535  (t.a)\n  it reads 32768: the kernel did not take the value\n", "net.core.somaxconn 32768 -> 128  (t.a)\n"},
	} {
		dir := machine(t, nil)
		o := on(t, dir)
		c.hand.Hand = o.Hand
		o.Hand = c.hand
		done, said := fix(t, o, one)
		if done.Changed != 0 || done.Faults != 1 || !strings.Contains(said, c.want) {
			t.Errorf("%s: %+v\n%s", name, done, said)
		}
		if _, said := undo(t, on(t, dir)); !strings.Contains(said, c.undo) {
			t.Errorf("%s: undo: %s", name, said)
		}
	}
	dir := machine(t, nil)
	o := on(t, dir)
	o.Hand = clumsy{Hand: o.Hand, save: syscall.ENOSPC}
	if _, err := o.Fix(one, &bytes.Buffer{}); err == nil || get(t, dir, somaxconn) != "128" {
		t.Errorf("changed without a record: %v", err)
	}
}

func TestName(t *testing.T) {
	for file, want := range map[string]string{
		somaxconn: "net.core.somaxconn", thp: thp, "/proc/sys/net/ipv4/conf/eth0.1/rp_filter": "/proc/sys/net/ipv4/conf/eth0.1/rp_filter",
	} {
		if got := Name(file); got != want {
			t.Error(got)
		}
	}
}

// TestKeptFollows: what was kept over a restart is kept as it is changed, asked for
// or not, so that the way back knows its line.
func TestKeptFollows(t *testing.T) {
	dir := machine(t, nil)
	o := on(t, dir)
	o.Persist = true
	fix(t, o, three())
	more := ails(sysctl("net.core.somaxconn", "131072", fact.Freely, true), sysctl("net.ipv4.tcp_fastopen", "3", fact.Freely, false))
	put(t, dir, "/proc/sys/net/ipv4/tcp_fastopen", "1")
	o = on(t, dir)
	o.DryRun = true
	_, dry := fix(t, o, more)
	_, wet := fix(t, on(t, dir), more)
	same(t, "the two runs", strings.Replace(dry, "Nothing was changed: --dry-run.", "2 settings changed; fishplate doctor --undo takes it back.", 1), wet)
	lines := strings.Split(get(t, dir, sysctlFile), "\n")
	if !slices.Contains(lines, "net.core.somaxconn = 131072") || slices.Contains(lines, "net.core.somaxconn = 65535") || strings.Contains(wet, "tcp_fastopen = 3") {
		t.Errorf("%s\n%s", wet, strings.Join(lines, "\n"))
	}
	if _, said := undo(t, on(t, dir)); get(t, dir, sysctlFile) != "absent" || get(t, dir, somaxconn) != "128" {
		t.Errorf("left behind: %s\n%s", get(t, dir, sysctlFile), said)
	}
}

// mute is an output that takes so many lines.
type mute struct{ lines int }

func (m *mute) Write(p []byte) (int, error) {
	if m.lines--; m.lines < 0 {
		return 0, syscall.ENOSPC
	}
	return len(p), nil
}

// TestUnsaid: what cannot be said is not done.
func TestUnsaid(t *testing.T) {
	dir := machine(t, nil)
	if _, err := on(t, dir).Fix(three(), &mute{1}); !errors.Is(err, syscall.ENOSPC) || get(t, dir, somaxconn) != "65535" || get(t, dir, syncookies) != "0" {
		t.Errorf("fix: %v, %s %s", err, get(t, dir, somaxconn), get(t, dir, syncookies))
	}
	o := on(t, dir)
	o.Persist = true
	if _, err := o.Fix(three(), &mute{2}); !errors.Is(err, syscall.ENOSPC) || get(t, dir, sysctlFile) != "absent" {
		t.Errorf("persist: %v, %s", err, get(t, dir, sysctlFile))
	}
	fix(t, o, three())
	if _, err := on(t, dir).Undo(func(string) bool { return true }, &mute{1}); !errors.Is(err, syscall.ENOSPC) || get(t, dir, swappiness) != "60" || get(t, dir, somaxconn) != "65535" || !strings.Contains(get(t, dir, sysctlFile), "swappiness") {
		t.Errorf("undo: %v, %s %s\n%s", err, get(t, dir, swappiness), get(t, dir, somaxconn), get(t, dir, sysctlFile))
	}
	undo(t, on(t, dir))
	if get(t, dir, somaxconn) != "128" || get(t, dir, sysctlFile) != "absent" {
		t.Error("what was not said cannot be undone any more")
	}
}
