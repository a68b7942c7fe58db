package riscv_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// kit is a way to build the programs of testdata/programs: a compiler for each
// language, a linker, and what runs the result elsewhere.
type kit struct {
	name    string
	compile map[string][]string // by extension; without one it cannot build those
	link    map[string][]string
	bare    bool     // needs start.c, whose libraries are behind the objects
	libs    []string // behind the objects
	qemu    []string // nil for the host itself
}

// Where Debian puts what the compilers do not find by themselves.
const (
	crossHeaders = "/usr/riscv64-linux-gnu/include"
	picolibc     = "/usr/lib/picolibc/riscv64-unknown-elf/"
)

// common are the flags of every compilation: products and sums are not contracted,
// since the host does not do it either.
var common = []string{"-O2", "-ffp-contract=off", "-c"}

var qemuBits = []string{"zba=true", "zbb=true", "zbc=true", "zbs=true"}

func flags(list ...string) []string { return append(list, common...) }

// host builds what everything else is compared with.
func host() kit {
	return kit{name: "native", libs: []string{"-lm"},
		compile: map[string][]string{".c": flags("gcc"), ".cc": flags("g++")},
		link:    map[string][]string{".c": {"gcc"}, ".cc": {"g++"}}}
}

// static is static glibc, compiled by gcc or clang.
func static(clang bool, arch string) kit {
	k := kit{name: "gcc-" + arch, libs: []string{"-lm"}, qemu: []string{"qemu-riscv64", "-cpu", "rv64," + strings.Join(qemuBits, ",")},
		compile: map[string][]string{".c": flags("riscv64-linux-gnu-gcc", "-march="+arch), ".cc": flags("riscv64-linux-gnu-g++", "-march="+arch)},
		link:    map[string][]string{".c": {"riscv64-linux-gnu-gcc", "-static"}, ".cc": {"riscv64-linux-gnu-g++", "-static"}}}
	if clang {
		k.name = "clang-" + arch
		base := []string{"clang-14", "--target=riscv64-linux-gnu", "-march=" + arch, "-isystem", crossHeaders}
		k.compile[".c"] = flags(base...)
		k.compile[".cc"] = flags(append(base[:len(base)-2:len(base)-2], "-nostdinc++", "-isystem", crossHeaders+"/c++/12",
			"-isystem", crossHeaders+"/c++/12/riscv64-linux-gnu", "-isystem", crossHeaders)...)
	}
	return k
}

// small is picolibc on RV32; library is its variant that suits arch. It has no C++
// library.
func small(clang bool, arch, library string) kit {
	both := []string{"-mabi=ilp32d", "-mcmodel=medany", "-ftls-model=local-exec", "-isystem", picolibc + "include"}
	gcc := []string{"riscv64-unknown-elf-gcc", "-march=" + library}
	k := kit{name: "gcc-" + arch, bare: true, qemu: []string{"qemu-riscv32", "-cpu", "rv32," + strings.Join(qemuBits, ",")},
		libs:    []string{"-L" + picolibc + "lib/" + library + "/ilp32d", "-Wl,--start-group", "-lc", "-lm", "-lgcc", "-Wl,--end-group"},
		compile: map[string][]string{".c": flags(append([]string{"riscv64-unknown-elf-gcc", "-march=" + arch}, both...)...)},
		link:    map[string][]string{".c": append(gcc, "-mabi=ilp32d", "-nostartfiles", "-nostdlib", "-static")}}
	k.compile["start"] = flags(append(gcc[:2:2], both...)...)
	if clang {
		k.name = "clang-" + arch
		k.compile[".c"] = flags(append([]string{"clang-14", "--target=riscv32-unknown-elf", "-march=" + arch}, both...)...)
	}
	return k
}

// guestKits are all ways to build guests.
func guestKits() []kit {
	const bits = "_zba_zbb_zbc_zbs"
	var all []kit
	for _, clang := range []bool{false, true} {
		all = append(all, static(clang, "rv64gc"), static(clang, "rv64imafdc"+bits),
			small(clang, "rv32imafdc", "rv32imafdc"), small(clang, "rv32g"+bits, "rv32imfd"))
	}
	return all
}

// builds compiles each program once for each kit, two at a time.
type builds struct {
	dir   string
	paths map[string]string // by key
	mu    sync.Mutex
}

func key(source string, k kit) string { return filepath.Base(source) + "-" + k.name }

// builds reports whether a kit has a compiler for a source.
func (k kit) builds(source string) bool { return k.compile[filepath.Ext(source)] != nil }

// newBuilds compiles all sources with all kits that can.
func newBuilds(t testing.TB, sources []string, kits []kit) *builds {
	t.Helper()
	b := &builds{dir: t.TempDir(), paths: make(map[string]string)}
	needTools(t, kits)
	for _, k := range kits {
		if !k.bare {
			continue
		}
		if err := execute(k.compile["start"], "testdata/programs/bare/start.c", "-o", filepath.Join(b.dir, k.name+"-start.o")); err != nil {
			t.Fatalf("build start for %s: %v", k.name, err)
		}
	}
	type job struct {
		source string
		kit    kit
	}
	jobs := make(chan job)
	failures := make(chan error, len(sources)*len(kits))
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for j := range jobs {
				if err := b.build(j.source, j.kit); err != nil {
					failures <- err
				}
			}
		})
	}
	for _, s := range sources {
		for _, k := range kits {
			if k.builds(s) {
				jobs <- job{s, k}
			}
		}
	}
	close(jobs)
	workers.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if t.Failed() {
		t.FailNow()
	}
	return b
}

// needTools fails, or skips a short run, naming the packages that lack.
func needTools(t testing.TB, kits []kit) {
	t.Helper()
	for _, k := range kits {
		list := [][]string{k.compile[".c"], k.compile[".cc"], k.link[".c"], k.qemu}
		for _, command := range list {
			if len(command) == 0 {
				continue
			}
			if _, err := exec.LookPath(command[0]); err != nil {
				if testing.Short() {
					t.Skipf("%s is missing: run make setup", command[0])
				}
				t.Fatalf("%s is missing: run make setup, or test with -short", command[0])
			}
		}
	}
}

func (b *builds) build(source string, k kit) error {
	ext, name := filepath.Ext(source), key(source, k)
	object, out := filepath.Join(b.dir, name+".o"), filepath.Join(b.dir, name)
	if err := execute(k.compile[ext], source, "-o", object); err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	objects := []string{object}
	if k.bare {
		objects = append(objects, filepath.Join(b.dir, k.name+"-start.o"))
	}
	args := append(append(objects, k.libs...), "-o", out)
	if err := execute(k.link[ext], args...); err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	b.mu.Lock()
	b.paths[name] = out
	b.mu.Unlock()
	return nil
}

func execute(command []string, args ...string) error {
	all := append(command[1:len(command):len(command)], args...)
	if msg, err := exec.Command(command[0], all...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command[0], err, msg)
	}
	return nil
}

// runOutside runs a program natively or under qemu.
func runOutside(t testing.TB, k kit, path string) (output string, code int) {
	t.Helper()
	args := append(k.qemu[:len(k.qemu):len(k.qemu)], path)
	out, err := exec.Command(args[0], args[1:]...).Output()
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		return string(out), ended.ExitCode()
	case err != nil:
		t.Fatalf("run %s: %v", path, err)
	}
	return string(out), 0
}

// sources lists the programs.
func sources(t testing.TB) []string {
	t.Helper()
	list, err := filepath.Glob("testdata/programs/*.c*")
	if err != nil || len(list) == 0 {
		t.Fatalf("find programs: %d, %v", len(list), err)
	}
	return list
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
