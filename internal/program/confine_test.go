package program

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// confines says whether the machine can withhold files from a compiler.
func confines(t *testing.T) bool {
	t.Helper()
	if runtime.GOOS != "linux" {
		return false
	}
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, "x")
	dir := t.TempDir()
	r := &recipe{compiler: "/bin/cat", dir: dir, work: dir, home: dir, bounds: ofFile}
	_, err := r.run(t.Context(), []string{secret})
	return err != nil
}

// TestSourcesReadNothingElse: what a source takes in is its own, the SDK's or the
// system's, by whatever way it asks.
func TestSourcesReadNothingElse(t *testing.T) {
	if !confines(t) {
		t.Skip("this machine has no Landlock")
	}
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, "char secret[] = \"swordfish\";\n")
	link := filepath.Join(t.TempDir(), "link.c")
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"include": "#include \"" + secret + "\"\nint main(void) { return 0; }\n",
		"incbin":  "__asm__(\".incbin \\\"" + secret + "\\\"\");\nint main(void) { return 0; }\n",
		"device":  "#include \"/dev/zero\"\nint main(void) { return 0; }\n",
		"process": "#include \"/proc/self/environ\"\nint main(void) { return 0; }\n",
		"link":    "#include \"link.h\"\nint main(void) { return 0; }\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := project(t, map[string]string{"x.c": text})
			if err := os.Symlink(secret, filepath.Join(dir, "link.h")); err != nil {
				t.Fatal(err)
			}
			r, err := New(t.TempDir(), kit, nil).Build(t.Context(), filepath.Join(dir, "x.c"))
			if err == nil {
				t.Fatalf("%d bytes were made of it", len(r.ELF))
			}
			if text := err.Error(); strings.Contains(text, "swordfish") || !strings.Contains(strings.ToLower(text), "permission denied") && !strings.Contains(text, "can't open") && !strings.Contains(text, "file not found") {
				t.Error(text)
			}
		})
	}
	dir := project(t, map[string]string{"x.c": "#include \"" + secret + "\"\nint main(void) { return secret[0]; }\n"})
	t.Setenv(foldersVariable, filepath.Dir(secret))
	build(t, New(t.TempDir(), kit, nil), filepath.Join(dir, "x.c"))
}

// TestToolsSeeLittle: a tool, and what a project makes it run, has neither this
// process's variables nor files, and writes only where it must.
func TestToolsSeeLittle(t *testing.T) {
	t.Setenv("SOME_SECRET", "swordfish")
	dir, outside := t.TempDir(), t.TempDir()
	r := &recipe{compiler: "/bin/sh", dir: dir, work: filepath.Join(dir, "work"), home: dir, bounds: ofFile}
	if err := os.Mkdir(r.work, 0o755); err != nil {
		t.Fatal(err)
	}
	said, err := r.run(t.Context(), []string{"-c", "env; ulimit -f; ulimit -c"})
	if err != nil || strings.Contains(said, "swordfish") {
		t.Errorf("%s, %v", said, err)
	}
	if lines := strings.Split(said, "\n"); runtime.GOOS == "linux" && (lines[len(lines)-1] != "0" || lines[len(lines)-2] == "unlimited") {
		t.Errorf("the bounds are not there: %v", lines[len(lines)-2:])
	}
	if !confines(t) {
		t.Skip("this machine has no Landlock")
	}
	for _, script := range []string{
		"echo x > " + filepath.Join(outside, "file"),
		"cat /proc/" + strconv.Itoa(os.Getpid()) + "/environ",
		"kill -0 " + strconv.Itoa(os.Getpid()),
		"ls " + outside,
	} {
		if said, err := r.run(t.Context(), []string{"-c", script}); err == nil {
			t.Errorf("%s: %s", script, said)
		}
	}
	if _, err := r.run(t.Context(), []string{"-c", "echo x > " + filepath.Join(r.work, "file")}); err != nil {
		t.Error(err)
	}
	// The thread that gave its files up is not one of ours any more.
	for range 100 {
		if _, err := os.ReadDir(outside); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNothingRunsOn: what a tool starts ends with it, whether it ends by itself
// or is given up.
func TestNothingRunsOn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system has no groups of processes that we end")
	}
	dir := t.TempDir()
	r := &recipe{compiler: "/bin/sh", dir: dir, work: dir, home: dir, bounds: ofFile}
	pid := func(name string) int {
		text, _ := os.ReadFile(filepath.Join(dir, name))
		n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		return n
	}
	gone := func(n int) {
		for syscall.Kill(n, 0) == nil && t.Context().Err() == nil {
			if stat, err := os.ReadFile("/proc/" + strconv.Itoa(n) + "/stat"); err != nil || strings.Contains(string(stat), ") Z ") {
				return // nobody has to collect it
			}
			runtime.Gosched()
		}
	}
	if _, err := r.run(t.Context(), []string{"-c", "sleep 1000 >/dev/null 2>&1 & echo $! > one"}); err != nil {
		t.Fatal(err)
	}
	gone(pid("one"))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for pid("two") == 0 && ctx.Err() == nil {
			runtime.Gosched()
		}
		cancel()
	}()
	if _, err := r.run(ctx, []string{"-c", "sleep 1000 & echo $! > two.new; mv two.new two; wait"}); err == nil {
		t.Error("it was given up, and there is no error")
	}
	gone(pid("two"))
}

// TestSourcesWithoutEnd: what is read of a project has an end before a compiler
// is asked.
func TestSourcesWithoutEnd(t *testing.T) {
	dir := project(t, map[string]string{"go.mod": "module x\n", "main.go": "package main\n", ".cargo/config.toml": ""})
	if err := os.Symlink("/dev/zero", filepath.Join(dir, ".cargo/zero")); err != nil {
		t.Fatal(err)
	}
	if _, err := Fingerprint(dir); err != nil {
		t.Errorf("a link to a device: %v", err)
	}
	big := filepath.Join(dir, "big.bin")
	write(t, big, "")
	if err := os.Truncate(big, maxProgram+1); err != nil {
		t.Skip("the file system has no files with holes")
	}
	if _, err := Fingerprint(dir); err == nil {
		t.Error("a file of more than a program's size was read")
	}
	if err := os.Truncate(big, maxProgram-1); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(big, filepath.Join(dir, "big2.bin")); err != nil {
		t.Fatal(err)
	}
	if n := len(projects(project(t, map[string]string{"Cargo.toml": "path = \"../../../../../../../etc\"\npath = \"..\"\n"}))); n != 1 {
		t.Errorf("a manifest opens %d folders", n)
	}
}

// TestCompilersAreEnded: a source that is never done costs what a compiler may
// take, and the caller can give it up.
func TestCompilersAreEnded(t *testing.T) {
	dir := project(t, map[string]string{"x.cpp": "constexpr unsigned long f() { unsigned long x = 1; for (unsigned long i = 0; i < 1000000; i++) x = x * 3 + i; return x; }\n" +
		"template<int N> struct S { static constexpr unsigned long v = f() + S<N - 1>::v; };\ntemplate<> struct S<0> { static constexpr unsigned long v = 0; };\nstatic_assert(S<800>::v != 0);\nint main() {}\n"})
	b := New(t.TempDir(), kit, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.Read(ctx, filepath.Join(dir, "x.cpp"))
		done <- err
	}()
	for len(b.turn) == 0 {
		time.Sleep(time.Millisecond)
	}
	// Who comes second waits no longer than its own context.
	second, leave := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer leave()
	if _, err := b.Read(second, filepath.Join(dir, "x.cpp")); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "wait for another compiler") {
		t.Error(err)
	}
	enough := errors.New("enough")
	cancel(enough)
	if err := <-done; !errors.Is(err, enough) {
		t.Error(err)
	}
	if len(running(t, dir)) != 0 {
		t.Errorf("still there: %q", running(t, dir))
	}
}

// running finds the processes that have the text in their command lines. Those
// that have ended, and that nobody has asked about, have none.
func running(t *testing.T, text string) (found []string) {
	t.Helper()
	list, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range list {
		if line, err := os.ReadFile(path); err == nil && strings.Contains(string(line), text) {
			found = append(found, string(line))
		}
	}
	return found
}

// TestCargoFoldersGo: what Cargo made of a project goes with the project; what
// was made of others stays.
func TestCargoFoldersGo(t *testing.T) {
	b := New(t.TempDir(), kit, nil)
	here, gone := project(t, map[string]string{"Cargo.toml": ""}), filepath.Join(t.TempDir(), "gone")
	for name, source := range map[string]string{"cargo-1": here, "cargo-2": gone} {
		write(t, filepath.Join(b.dir, name, "release", "x"), "x")
		write(t, filepath.Join(b.dir, name, sourceName), source)
	}
	write(t, filepath.Join(b.dir, "cargo-3", "x"), "of an older version")
	if err := b.trim(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(b.dir, "cargo-*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "cargo-1" || filepath.Base(left[1]) != "cargo-3" {
		t.Errorf("%v, %v", left, err)
	}
}
