package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
		debian: "golang",
	}
	if os.Getenv("GOTOOLCHAIN") == "" {
		r.env = append(r.env, "GOTOOLCHAIN=local")
	}
	build := []string{"build", "-trimpath", "-buildvcs=false"}
	if isFile(filepath.Join(dir, "vendor/modules.txt")) { // it brings all that it needs
		r.env[3] = "GOFLAGS=-mod=vendor"
		r.args = append(build, "-o", out, ".")
		return r, nil
	}
	manifest := out + ".mod"
	if err := b.goManifest(ctx, r, dir, manifest, filepath.Join(kit, "go")); err != nil {
		return nil, err
	}
	r.args = append(build, "-modfile="+manifest, "-o", out, ".")
	return r, nil
}

// goManifest writes the go.mod that the tool is given, and the go.sum that
// belongs to it. A project that has the SDK on its disk keeps its own.
func (b *Builder) goManifest(ctx context.Context, r *recipe, dir, manifest, kit string) error {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(manifest, text, 0o644); err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
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
