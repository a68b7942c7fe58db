package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// goModule is the module of the SDK for Go.
const goModule = "fishplate.dev/sdk/go"

// goReplaced finds where a go.mod takes the SDK from.
var goReplaced = regexp.MustCompile(`(?m)^\s*(?:replace\s+)?` + regexp.QuoteMeta(goModule) + `(?:\s+v\S+)?\s*=>\s*(\S+)`)

// golang is the recipe for a Go module. The tool gets a go.mod of its own beside
// the program: the project's with the SDK's folder in it, so that nobody has to
// be asked for that, and what the tool adds does not end up in the project.
func (b *Builder) golang(ctx context.Context, dir, out string) (*recipe, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("there is no go in PATH: see https://go.dev/dl, or apt install golang")
	}
	kit, err := b.sdk()
	if err != nil {
		return nil, err
	}
	r := &recipe{
		compiler: tool, version: []string{"version"}, dir: dir, output: out,
		// A newer toolchain is not fetched either, unless somebody says so. The
		// SDK's folder has its contents in its name, which the program's is made of.
		env:    []string{"GOOS=linux", "GOARCH=riscv64", "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off", "FISHPLATE_SDK=" + filepath.Join(kit, "go")},
		debian: "golang", reads: []string{kit}, bounds: ofProject,
	}
	b.settle(r, filepath.Dir(out))
	if os.Getenv("GOTOOLCHAIN") == "" {
		r.env = append(r.env, "GOTOOLCHAIN=local")
	}
	build := []string{"build", "-trimpath", "-buildvcs=false"}
	if isFile(filepath.Join(dir, "vendor/modules.txt")) { // it brings all that it needs
		r.env[3] = "GOFLAGS=-mod=vendor"
		r.args = append(build, "-o", out, ".")
		return r, b.goRoom(ctx, r)
	}
	manifest := out + ".mod"
	if err := b.goRoom(ctx, r); err != nil {
		return nil, err
	}
	if err := b.goManifest(ctx, r, dir, manifest, filepath.Join(kit, "go")); err != nil {
		return nil, err
	}
	r.args = append(build, "-modfile="+manifest, "-o", out, ".")
	return r, nil
}

// goRoom opens to the tool its library and caches, and the folders that the
// project's go.mod takes in place of modules.
func (b *Builder) goRoom(ctx context.Context, r *recipe) error {
	said, err := r.run(ctx, []string{"env", "GOROOT", "GOMODCACHE", "GOPATH", "GOCACHE", "GOENV"})
	if err != nil {
		return fmt.Errorf("ask go for its folders: %w", err)
	}
	at := append(strings.Split(said, "\n"), "", "", "", "", "")
	for _, path := range filepath.SplitList(at[2]) {
		r.writes = append(r.writes, filepath.Join(path, "pkg"))
	}
	r.writes = append(r.writes, at[1], at[3])
	// What is not there yet cannot be opened to the tool.
	for _, path := range r.writes {
		if path != "" && filepath.IsAbs(path) {
			_ = os.MkdirAll(path, 0o755) // the tool says what is wrong
		}
	}
	r.reads = append(append(r.reads, at[0], filepath.Dir(at[4])), projects(r.dir)[1:]...)
	return nil
}

// goManifest writes the go.mod that the tool is given, and the go.sum that
// belongs to it. A project that has the SDK on its disk keeps its own.
func (b *Builder) goManifest(ctx context.Context, r *recipe, dir, manifest, kit string) error {
	text, err := readFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(manifest, text, 0o644); err != nil {
		return err
	}
	sum, err := readFile(filepath.Join(dir, "go.sum"))
	if err == nil {
		err = os.WriteFile(manifest[:len(manifest)-len(".mod")]+".sum", sum, 0o644)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if m := goReplaced.FindSubmatch(text); m != nil {
		own := string(m[1])
		if !filepath.IsAbs(own) {
			own = filepath.Join(dir, own)
		}
		if isFile(filepath.Join(own, "go.mod")) {
			return nil
		}
	}
	if _, err := r.run(ctx, []string{"mod", "edit", "-replace=" + goModule + "=" + kit, manifest}); err != nil {
		return fmt.Errorf("name the SDK's folder in go.mod: %w", err)
	}
	return nil
}
