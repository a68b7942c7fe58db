package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// recipe is how one form is compiled.
type recipe struct {
	compiler string   // path
	version  []string // arguments that make it tell its version
	args     []string
	dir      string   // where it runs
	home     string   // where its tools keep things, when there is no HOME
	work     string   // this run's own folder
	reads    []string // folders that it reads besides dir and what every tool needs
	writes   []string // folders that it writes to besides home and work
	bounds   bounds
	env      []string // in addition to a few of our own
	output   string   // what it writes; "" is found by pick
	pick     func() (string, error)
	depends  string // a file of make rules that it writes: what it read
	lock     string // Cargo.lock of a project, which the tool writes when there is none; "" is not Cargo
	debian   string // the packages that bring it
}

// flags are those of every guest in C and C++: static, at the address that
// libvmod-riscv uses, and with their lines and symbols for reports of faults.
var flags = []string{"-march=rv64gc", "-mabi=lp64d", "-O2", "-g1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-static", "-fno-stack-protector", "-DFP_START", "-Wl,-Ttext=0x120000,--build-id=none"}

// gcc is the recipe for one file of C or C++. The tests of <nlohmann/json.hpp>
// and others of the host's architecture-independent headers come last, so that
// they are found where Debian puts them and never shadow the target's own.
func (b *Builder) gcc(form Form, source, out string) (*recipe, error) {
	sdk, err := b.sdk()
	if err != nil {
		return nil, err
	}
	tool, args := "gcc", []string{"-std=gnu17"}
	if form == CXX {
		tool, args = "g++", []string{"-std=c++20", "-fno-threadsafe-statics", "-I" + filepath.Join(sdk, "cpp")}
	}
	args = append(args, flags...)
	args = append(args, "-I"+filepath.Join(sdk, "c"), "-I"+filepath.Join(sdk, "abi"), "-I"+filepath.Dir(source), "-idirafter", "/usr/include")
	compiler, target, err := findCompiler(tool)
	if err != nil {
		return nil, err
	}
	depends := out + ".d"
	r := &recipe{
		compiler: compiler, version: []string{"--version"}, dir: filepath.Dir(source), output: out, depends: depends,
		reads: []string{sdk}, bounds: ofFile,
		args:   append(append(target, args...), "-MD", "-MF", depends, source, "-o", out, "-lm"),
		debian: "g++-riscv64-linux-gnu",
	}
	b.settle(r, filepath.Dir(out))
	return r, nil
}

// settle gives a recipe the folders that its tools write to.
func (b *Builder) settle(r *recipe, work string) {
	r.work, r.home = absolute(work), absolute(filepath.Join(b.dir, "home"))
	_ = os.MkdirAll(r.home, 0o755) // without it, what the tools keep there is not kept
}

// absolute is filepath.Abs; a process whose folder is gone has no such path.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// findCompiler looks for a cross compiler: the one that RISCV_GCC_TRIPLE names,
// then Debian's, then clang with Debian's libraries.
func findCompiler(tool string) (path string, target []string, err error) {
	for _, triple := range []string{os.Getenv("RISCV_GCC_TRIPLE"), "riscv64-linux-gnu"} {
		if triple == "" {
			continue
		}
		if path, err := exec.LookPath(triple + "-" + tool); err == nil {
			return path, nil, nil
		}
	}
	clang := map[string]string{"gcc": "clang", "g++": "clang++"}[tool]
	if path, err := exec.LookPath(clang); err == nil {
		return path, []string{"--target=riscv64-linux-gnu", "-fuse-ld=lld"}, nil
	}
	return "", nil, fmt.Errorf("there is no riscv64-linux-gnu-%s and no %s: apt install %s-riscv64-linux-gnu, or set RISCV_GCC_TRIPLE", tool, clang, tool)
}

// onlyELF finds the one executable in a folder.
func onlyELF(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && isELF(path) {
			found = append(found, path)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the project makes %d programs (%s), and a tenant is one", len(found), strings.Join(found, ", "))
	}
	return found[0], nil
}

func isELF(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	var magic [4]byte
	_, err = f.Read(magic[:])
	return err == nil && string(magic[:]) == "\x7fELF"
}
