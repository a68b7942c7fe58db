package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The targets of Rust programs: with the standard library where the machine has
// it for RISC-V, else with core and alloc.
const (
	rustHosted = "riscv64gc-unknown-linux-gnu"
	rustBare   = "riscv64gc-unknown-none-elf"
)

// rust is a toolchain that can make programs for RISC-V.
type rust struct {
	cargo, rustc string
	sysroot      string
	target       string
	library      string // sources of core and alloc that are compiled here; "" is not
	buildStd     bool   // cargo compiles them itself
}

// findRust looks for a toolchain: one that has the target's standard library,
// then Debian's with its rust-src, then one of rustup with its rust-src.
func findRust(ctx context.Context) (*rust, error) {
	cargo, err := exec.LookPath("cargo")
	if err != nil {
		return nil, errors.New("there is no cargo in PATH: apt install cargo rustc rust-src, or see https://rustup.rs")
	}
	root := ask(ctx, "rustc", "--print", "sysroot")
	if root != "" && isDir(filepath.Join(root, "lib/rustlib", rustHosted, "lib")) {
		return &rust{cargo: cargo, rustc: "rustc", sysroot: root, target: rustHosted}, nil
	}
	if _, version, ok := strings.Cut(ask(ctx, "/usr/bin/rustc", "--version"), "rustc "); ok {
		version, _, _ = strings.Cut(version, " ")
		if library := "/usr/src/rustc-" + version + "/library"; isDir(library) && isFile("/usr/bin/cargo") {
			return &rust{cargo: "/usr/bin/cargo", rustc: "/usr/bin/rustc", target: rustBare, library: library}, nil
		}
	}
	if root != "" && isDir(filepath.Join(root, "lib/rustlib/src/rust/library")) {
		return &rust{cargo: cargo, rustc: "rustc", sysroot: root, target: rustBare, buildStd: true}, nil
	}
	return nil, fmt.Errorf("no Rust library for RISC-V: rustup target add %s, or apt install cargo rustc rust-src", rustHosted)
}

// cargo is the recipe for a Cargo project. What cargo made of its crates stays
// for the next time. Programs without the standard library are linked by
// Debian's gcc with nothing but libgcc, at the address of all guests.
func (b *Builder) cargo(ctx context.Context, dir, work string) (*recipe, error) {
	r, err := findRust(ctx)
	if err != nil {
		return nil, err
	}
	sdk, err := b.sdk()
	if err != nil {
		return nil, err
	}
	linker, _, err := findCompiler("gcc")
	if err != nil {
		return nil, err
	}
	flags := "-C link-arg=-Wl,-Ttext=0x120000,--build-id=none -C linker=" + linker
	if r.target == rustHosted {
		flags += " -C target-feature=+crt-static -C relocation-model=static"
	} else {
		flags += " -C linker-flavor=gcc -C link-arg=-static -C link-arg=-nostdlib -C link-arg=-march=rv64gc -C link-arg=-mabi=lp64d" +
			" -C relocation-model=static -C panic=abort -C link-arg=-lgcc -C link-arg=-z -C link-arg=separate-code"
	}
	var root string
	if r.library != "" {
		if root, err = b.rustRoot(ctx, r); err != nil {
			return nil, err
		}
		flags += " --sysroot " + root + " --cfg needs_alloc_error_handler"
	}
	target := filepath.Join(absolute(b.dir), "cargo-"+digest([]byte(dir))[:16])
	if err := os.MkdirAll(target, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(target, sourceName), []byte(dir), 0o644); err != nil {
		return nil, err
	}
	args := []string{
		"build", "--quiet", "--release", "--target", r.target, "--target-dir", target,
		"--config", fmt.Sprintf("patch.crates-io.fishplate.path=%q", filepath.Join(sdk, "rust")),
	}
	if r.buildStd {
		args = append(args, "-Zbuild-std=core,alloc")
	}
	made := &recipe{
		compiler: r.cargo, version: []string{"--version", "--verbose"}, dir: dir, args: args, lock: filepath.Join(dir, "Cargo.lock"),
		env:  []string{"RUSTC=" + r.rustc, "RUSTC_BOOTSTRAP=1", "CARGO_ENCODED_RUSTFLAGS=" + strings.ReplaceAll(flags, " ", "\x1f")},
		pick: func() (string, error) { return onlyELF(filepath.Join(target, r.target, "release")) },
		// Cargo writes Cargo.lock into the project.
		reads: slices.Concat([]string{sdk, root}, r.reads(), projects(dir)[1:]), writes: append(cargoCaches(), dir, target), bounds: ofProject,
	}
	b.settle(made, work)
	// In the user's own folder are settings of git, which Cargo would read.
	made.env = append(made.env, "HOME="+made.home, "CARGO_HOME="+cargoHome())
	if at := rustupHome(); at != "" {
		made.env = append(made.env, "RUSTUP_HOME="+at)
	}
	return made, nil
}

// reads are the folders of the toolchain.
func (r *rust) reads() []string {
	return []string{r.sysroot, r.library, cargoHome(), rustupHome(), "/etc/gitconfig"}
}

// rustupHome is where rustup keeps toolchains; "" is nowhere.
func rustupHome() string {
	home, _ := os.UserHomeDir() // "" has no toolchains
	if at := cmp.Or(os.Getenv("RUSTUP_HOME"), filepath.Join(home, ".rustup")); filepath.IsAbs(at) {
		return at
	}
	return ""
}

func cargoHome() string {
	home, _ := os.UserHomeDir() // "" has no Cargo
	return cmp.Or(os.Getenv("CARGO_HOME"), filepath.Join(home, ".cargo"))
}

// cargoCaches are what Cargo keeps of crates. Its settings and programs, beside
// them, are not a build script's to write.
func cargoCaches() []string {
	home := cargoHome()
	if !isDir(home) {
		return nil
	}
	list := []string{filepath.Join(home, "registry"), filepath.Join(home, "git")}
	for _, dir := range list {
		_ = os.MkdirAll(dir, 0o755) // Cargo says what is wrong
	}
	for _, name := range []string{".package-cache", ".package-cache-mutate", ".global-cache", ".global-cache-journal"} {
		path := filepath.Join(home, name)
		if f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
			_ = f.Close()
		}
		list = append(list, path)
	}
	return list
}

// rustRoot compiles core and alloc for the bare target from their sources, once
// for a version of the compiler, and returns the folder that has them. What the
// crate compiler_builtins holds elsewhere, libgcc brings.
func (b *Builder) rustRoot(ctx context.Context, r *rust) (string, error) {
	root := filepath.Join(absolute(b.dir), "rust-"+digest([]byte(ask(ctx, r.rustc, "--version", "--verbose")))[:16])
	lib := filepath.Join(root, "lib/rustlib", rustBare, "lib")
	if isFile(filepath.Join(lib, "liballoc.rlib")) {
		return root, nil
	}
	work, err := os.MkdirTemp(b.dir, "work-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }()
	made := filepath.Join(work, "lib/rustlib", rustBare, "lib")
	builtins := filepath.Join(work, "builtins.rs")
	if err := errors.Join(os.MkdirAll(made, 0o755), os.WriteFile(builtins, []byte("#![feature(compiler_builtins)]\n#![compiler_builtins]\n#![no_std]\n"), 0o644)); err != nil {
		return "", err
	}
	for _, crate := range []struct{ name, source string }{
		{"core", filepath.Join(r.library, "core/src/lib.rs")},
		{"compiler_builtins", builtins},
		{"alloc", filepath.Join(r.library, "alloc/src/lib.rs")},
	} {
		c := &recipe{compiler: r.rustc, dir: work, reads: r.reads(), env: []string{"RUSTC_BOOTSTRAP=1"}, bounds: ofLibrary}
		b.settle(c, work)
		if _, err := c.run(ctx, []string{
			"--crate-name", crate.name, "--edition=2021", "--target", rustBare, "-O", "-Cpanic=abort", "--crate-type", "rlib",
			"--cap-lints", "allow", "--sysroot", work, "--out-dir", made, crate.source,
		}); err != nil {
			return "", fmt.Errorf("compile Rust's %s for RISC-V: %w", crate.name, err)
		}
	}
	if err := os.Remove(builtins); err != nil {
		return "", err
	}
	if err := os.Rename(work, root); err != nil && !isDir(lib) {
		return "", err
	}
	return root, nil
}

// ask returns what a tool prints; "" is nothing, or no such tool.
func ask(ctx context.Context, tool string, args ...string) string {
	out, err := exec.CommandContext(ctx, tool, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
