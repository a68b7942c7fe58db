package riscv_test

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fishplate/riscv"
	"fishplate/riscv/linux"
)

// engineOptions are the ways to execute, by name.
func engineOptions() map[string]riscv.JIT {
	return map[string]riscv.JIT{"interpreter": riscv.JITOff, "jit": riscv.JITAuto}
}

// process is a program of the system package with its output.
type process struct {
	*linux.Process
	out, errors bytes.Buffer
}

// startProcess makes a process whose surroundings are always the same.
func startProcess(t testing.TB, p *riscv.Program, engine riscv.JIT) *process {
	t.Helper()
	m, err := riscv.NewMachine(p, riscv.Options{MemoryLimit: 64 << 20, AddressSpace: 256 << 20, JIT: engine})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	g := new(process)
	g.Process, err = linux.New(m, linux.Config{Args: []string{"guest"}, Stdout: &g.out, Stderr: &g.errors, Seed: []byte("seed"),
		Clock: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// finish runs a process to its end in slices of fuel.
func (g *process) finish(t testing.TB, fuel uint64) linux.Status {
	t.Helper()
	for {
		s, err := g.Run(context.Background(), fuel)
		if err != nil {
			t.Fatal(err)
		}
		if s.Stopped != linux.StoppedBudget {
			return s
		}
	}
}

func loadProgram(t testing.TB, path string) *riscv.Program {
	t.Helper()
	p, err := riscv.LoadProgram(readFile(t, path))
	if err != nil {
		t.Fatalf("load %s: %v", path, err)
	}
	return p
}

// libraryDecides are the programs that print what a C library computes, so that
// only qemu with the same library prints the same.
var libraryDecides = map[string]bool{"math.c": true, "convert.c": true}

// TestPrograms builds the programs of testdata with gcc and clang for both widths,
// with and without the bit manipulation extensions, and runs them natively, under
// qemu, and here with every engine, at once and in odd slices: output, exit code
// and count of instructions must be the same.
func TestPrograms(t *testing.T) {
	kits := guestKits()
	if riscv.Raced || testing.Short() {
		kits = []kit{kits[0], kits[7]}
		t.Logf("only %s and %s: in short runs and under the race detector; make proof does all", kits[0].name, kits[1].name)
	}
	list := sources(t)
	b := newBuilds(t, list, append(kits, host()))
	t.Run("output", func(t *testing.T) {
		for _, source := range list {
			want, code := "", 0
			if !libraryDecides[filepath.Base(source)] {
				want, code = runOutside(t, host(), b.paths[key(source, host())])
			}
			for _, k := range kits {
				path, built := b.paths[key(source, k)]
				if !built {
					continue
				}
				t.Run(key(source, k), func(t *testing.T) {
					want, code := want, code
					out, c := runOutside(t, k, path)
					if want == "" {
						want, code = out, c
					}
					if out != want || c != code {
						t.Fatalf("qemu: exit code %d and\n%s\nnative %d and\n%s", c, out, code, want)
					}
					runHere(t, loadProgram(t, path), want, code)
				})
			}
		}
	})
	t.Run("rust", func(t *testing.T) { tryRust(t, b.dir) })
	t.Run("budget", func(t *testing.T) { budgets(t, b, list, kits) })
}

// runHere runs a program with every engine, and with slices of a size that no
// block has.
func runHere(t *testing.T, p *riscv.Program, want string, code int) {
	t.Helper()
	counts := make(map[string]uint64)
	for name, engine := range engineOptions() {
		for _, slice := range []uint64{1 << 40, 1009} {
			g := startProcess(t, p, engine)
			s := g.finish(t, slice)
			if !s.Exited || s.Code != code || g.out.String() != want {
				t.Fatalf("%s, slices of %d: %+v and\n%s\nwant %d and\n%s", name, slice, s, &g.out, code, want)
			}
			counts[name] = g.Machine.Instret
			if other, ok := counts["interpreter"]; ok && other != g.Machine.Instret {
				t.Fatalf("%s, slices of %d: %d instructions, interpreter %d", name, slice, g.Machine.Instret, other)
			}
			g.Machine.Close()
		}
	}
	if counts["jit"] != counts["interpreter"] {
		t.Fatalf("instructions: %v", counts)
	}
}

// tryRust runs a Rust program, for which rustc needs the standard library of the
// target.
func tryRust(t *testing.T, dir string) {
	const source = "testdata/programs/rust/collections.rs"
	path, native := filepath.Join(dir, "rust"), filepath.Join(dir, "rust-native")
	guest := exec.Command("rustc", "-O", "--target", "riscv64gc-unknown-linux-gnu", "-C", "linker=riscv64-linux-gnu-gcc",
		"-C", "target-feature=+crt-static", "-o", path, source)
	if out, err := guest.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(string(out), "\n")
		t.Skipf("rustc cannot build for riscv64gc-unknown-linux-gnu (rustup target add it): %v: %s", err, first)
	}
	if out, err := exec.Command("rustc", "-O", "-o", native, source).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", source, err, out)
	}
	want, err := exec.Command(native).Output()
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		t.Fatalf("run %s: %v", native, err)
	}
	p := loadProgram(t, path)
	for name, engine := range engineOptions() {
		g := startProcess(t, p, engine)
		if s := g.finish(t, 1<<40); s.Code != ended.ExitCode() || g.out.String() != string(want) {
			t.Errorf("%s: %+v and\n%s\nwant %d and\n%s", name, s, &g.out, ended.ExitCode(), want)
		}
	}
}
