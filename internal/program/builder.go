package program

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fishplate/internal/file"
)

const (
	maxOutput = 64 << 10      // bytes kept of what a compiler says
	kept      = 256           // compiled programs in the folder
	keptBytes = 2 << 30       // of them together
	leftFor   = 2 * time.Hour // until a folder that a killed process left is removed

	// sourceName is the file in a folder of Cargo's that tells whose it is.
	sourceName = "fishplate-source"
)

// Builder compiles programs and keeps what it compiled.
type Builder struct {
	dir  string
	kit  fs.FS
	note func(path string, r *Result)

	turn chan struct{} // has room for the one whose compiler runs, and who is at the folder
}

// Result is a program, ready to be loaded.
type Result struct {
	ELF      []byte
	Form     Form
	Cached   bool          // nothing was compiled
	Took     time.Duration // of the compiler
	Warnings string        // what the compiler said, with the tenant's own lines
	Compiler string        // its version; empty for an ELF file
}

// New returns a Builder that keeps programs in dir and compiles against the SDK
// in kit, which has the folders abi, c, cpp, go and rust. note is told of every program
// that was compiled; nil is nobody.
func New(dir string, kit fs.FS, note func(path string, r *Result)) *Builder {
	if note == nil {
		note = func(string, *Result) {}
	}
	return &Builder{dir: dir, kit: kit, note: note, turn: make(chan struct{}, 1)}
}

// Read returns the ELF file of the program at path, compiling it if it must.
// It ends with ctx, and so does the compiler.
func (b *Builder) Read(ctx context.Context, path string) ([]byte, error) {
	r, err := b.Build(ctx, path)
	if err != nil {
		return nil, err
	}
	return r.ELF, nil
}

// Build is Read with all that there is to say. The error of a compiler has what
// it said.
func (b *Builder) Build(ctx context.Context, path string) (*Result, error) {
	form, err := FormOf(path)
	if err != nil {
		return nil, err
	}
	if form == ELF {
		elf, err := readFile(path)
		return &Result{ELF: elf, Form: ELF}, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("compile %s: wait for another compiler: %w", path, context.Cause(ctx))
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder for programs: %w", err)
	}
	work, err := os.MkdirTemp(b.dir, "work-")
	if err != nil {
		return nil, fmt.Errorf("make folder for programs: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	r, err := b.recipe(ctx, form, path, work)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", path, err)
	}
	return b.make(ctx, form, path, r, work)
}

func (b *Builder) recipe(ctx context.Context, form Form, path, work string) (*recipe, error) {
	out := filepath.Join(work, "program")
	switch form {
	case Go:
		return b.golang(ctx, path, out)
	case Cargo:
		return b.cargo(ctx, path, work)
	}
	return b.gcc(form, path, out)
}

// make compiles unless it did before.
func (b *Builder) make(ctx context.Context, form Form, path string, r *recipe, work string) (*Result, error) {
	version, err := r.run(ctx, r.version)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", path, err)
	}
	res := &Result{Form: form, Compiler: firstLine(version)}
	name := b.name(form, path, r, version, work)
	if e := b.entry(name); e != nil && e.fresh() {
		if res.ELF, err = os.ReadFile(filepath.Join(b.dir, name+".elf")); err == nil && digest(res.ELF) == e.ELF {
			res.Cached, res.Warnings = true, e.Warnings
			return res, nil
		}
	}
	// What is read before the compiler runs is what the entry vouches for: a
	// source that is saved meanwhile makes the entry stale, never wrong.
	read, err := inputs(form, path)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", path, err)
	}
	begin := time.Now()
	said, err := r.compile(ctx)
	res.Took, res.Warnings = time.Since(begin), said
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", path, err)
	}
	out := r.output
	if r.pick != nil {
		if out, err = r.pick(); err != nil {
			return nil, fmt.Errorf("compile %s: %w", path, err)
		}
	}
	if res.ELF, err = readFile(out); err != nil {
		return nil, fmt.Errorf("compile %s: %w", path, err)
	}
	e := &entry{Form: form, Path: path, ELF: digest(res.ELF), Warnings: said, Files: read}
	e.locked()
	if r.depends != "" {
		if err := e.depend(r.depends); err != nil {
			return nil, fmt.Errorf("compile %s: %w", path, err)
		}
	}
	b.note(path, res)
	return res, b.keep(name, e, res.ELF)
}

// name is what a program is kept as: its place and how it is compiled.
func (b *Builder) name(form Form, path string, r *recipe, version, work string) string {
	h := sha256.New()
	for _, s := range append([]string{string(form), path, r.compiler, version}, append(r.args, r.env...)...) {
		fmt.Fprintf(h, "%s\x00", strings.ReplaceAll(s, work, ""))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// compile runs the compiler over the program. A Cargo project without a
// Cargo.lock would be looked up in the index of crates.io, even when the SDK is
// all that it needs; so it is tried without the network first. When that tells
// which versions there are, and writes them, its errors are the program's own.
func (r *recipe) compile(ctx context.Context) (string, error) {
	if r.lock == "" || isFile(r.lock) {
		return r.run(ctx, r.args)
	}
	if said, err := r.run(ctx, append(slices.Clone(r.args), "--offline")); err == nil || isFile(r.lock) || ctx.Err() != nil {
		return said, err
	}
	return r.run(ctx, r.args)
}

// run executes the compiler, confined, and returns what it said.
func (r *recipe) run(ctx context.Context, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.bounds.time)
	defer cancel()
	line := r.bounds.limited(append([]string{r.compiler}, args...))
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = r.dir
	cmd.Env = append(environment(), append([]string{"LC_ALL=C", "TERM=dumb", "CARGO_TERM_COLOR=never", "TMPDIR=" + r.work}, r.env...)...)
	if os.Getenv("HOME") == "" { // a service has none, and the tools of projects keep things there
		cmd.Env = append(cmd.Env, "HOME="+r.home, "GOPATH="+filepath.Join(r.home, "go"))
	}
	said := &clipped{}
	cmd.Stdout, cmd.Stderr = said, said
	err := r.room().run(cmd)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	text := strings.TrimSpace(said.String())
	if err == nil {
		return text, nil
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && text != "" {
		return "", fmt.Errorf("%s failed:\n%s", filepath.Base(r.compiler), text)
	}
	return "", fmt.Errorf("run %s: %w", r.compiler, err)
}

// inputs hashes the files that are known before the compiler runs.
func inputs(form Form, path string) (map[string]string, error) {
	files := []string{path}
	if form == Cargo || form == Go {
		var err error
		if files, err = projectFiles(path); err != nil {
			return nil, err
		}
	}
	read := make(map[string]string, len(files))
	left := int64(maxProgram)
	for _, f := range files {
		sum, n, err := sumFile(f)
		if err != nil {
			return nil, err
		}
		if left -= n; left < 0 {
			return nil, fmt.Errorf("the sources of %s have more than %d bytes", path, int64(maxProgram))
		}
		read[f] = sum
	}
	return read, nil
}

// sdk lays the SDK out in the folder and returns where.
func (b *Builder) sdk() (string, error) {
	h := sha256.New()
	files, err := kitFiles(b.kit)
	if err != nil {
		return "", err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s\x00%d\x00%s", path, len(files[path]), files[path])
	}
	dir, err := filepath.Abs(filepath.Join(b.dir, "sdk-"+hex.EncodeToString(h.Sum(nil)[:8])))
	if err != nil {
		return "", err
	}
	return dir, lay(files, dir)
}

// Lay lays an SDK out in a folder, for tools other than the Builder. What is
// there already and as it should be is not touched.
func Lay(kit fs.FS, dir string) error {
	files, err := kitFiles(kit)
	if err != nil {
		return err
	}
	return lay(files, dir)
}

// kitFiles reads an SDK: contents by path. A file go.mod.txt is a go.mod, which
// cannot be embedded under its name.
func kitFiles(kit fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(kit, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".elf") {
			return err
		}
		text, err := fs.ReadFile(kit, path)
		if manifest, ok := strings.CutSuffix(path, "go.mod.txt"); ok {
			path = manifest + "go.mod"
		}
		files[path] = text
		return err
	})
	return files, err
}

func lay(files map[string][]byte, dir string) error {
	for path, text := range files {
		to := filepath.Join(dir, filepath.FromSlash(path))
		if old, err := os.ReadFile(to); err == nil && bytes.Equal(old, text) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// entry is what is known of a kept program: what it was made from.
type entry struct {
	Form     Form              `json:"form"`
	Path     string            `json:"path"`
	ELF      string            `json:"elf"` // digest
	Warnings string            `json:"warnings,omitempty"`
	Files    map[string]string `json:"files"` // digest by path
}

func (b *Builder) entry(name string) *entry {
	text, err := os.ReadFile(filepath.Join(b.dir, name+".json"))
	e := new(entry)
	if err != nil || json.Unmarshal(text, e) != nil || len(e.Files) == 0 {
		return nil
	}
	return e
}

// fresh reports whether all that the program was made from is as it was, and,
// of a project, that nothing was added to it.
func (e *entry) fresh() bool {
	if e.Form == Cargo || e.Form == Go {
		now, err := inputs(e.Form, e.Path)
		return err == nil && maps.Equal(now, e.Files)
	}
	for path, want := range e.Files {
		if got, err := digestFile(path); err != nil || got != want {
			return false
		}
	}
	return true
}

// locked takes in the list of versions that the tool wrote beside the sources
// when there was none.
func (e *entry) locked() {
	for _, name := range []string{"Cargo.lock", "go.sum"} {
		path := filepath.Join(e.Path, name)
		if _, known := e.Files[path]; known {
			continue
		}
		if sum, err := digestFile(path); err == nil {
			e.Files[path] = sum
		}
	}
}

// depend adds the files that a make rule names.
func (e *entry) depend(rules string) error {
	text, err := os.ReadFile(rules)
	if err != nil {
		return err
	}
	_, list, _ := strings.Cut(strings.ReplaceAll(string(text), "\\\n", " "), ": ")
	for _, path := range strings.Fields(strings.ReplaceAll(list, `\ `, "\x00")) {
		path = strings.ReplaceAll(path, "\x00", " ")
		if _, known := e.Files[path]; known {
			continue
		}
		if e.Files[path], err = digestFile(path); err != nil {
			return err
		}
	}
	return nil
}

// keep writes a program and what is known of it, and lets the oldest go.
func (b *Builder) keep(name string, e *entry, elf []byte) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		suffix string
		text   []byte
	}{{".elf", elf}, {".json", text}} {
		to := filepath.Join(b.dir, name+f.suffix)
		if err := os.WriteFile(to+".new", f.text, 0o644); err != nil {
			return fmt.Errorf("keep program: %w", err)
		}
		if err := os.Rename(to+".new", to); err != nil {
			return fmt.Errorf("keep program: %w", err)
		}
	}
	return b.trim()
}

// trim lets the oldest programs go, and what killed processes left.
func (b *Builder) trim() error {
	list, err := filepath.Glob(filepath.Join(b.dir, "*.json"))
	if err != nil {
		return err
	}
	type program struct {
		path string
		size int64
		time time.Time
	}
	var all []program
	for _, path := range list {
		path = strings.TrimSuffix(path, ".json")
		if info, err := os.Stat(path + ".elf"); err == nil {
			all = append(all, program{path, info.Size(), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(x, y program) int { return y.time.Compare(x.time) })
	var bytes int64
	for i, p := range all {
		if bytes += p.size; i > 0 && (i >= kept || bytes > keptBytes) {
			err = errors.Join(err, os.Remove(p.path+".json"), os.Remove(p.path+".elf"))
		}
	}
	left, _ := filepath.Glob(filepath.Join(b.dir, "work-*")) // the pattern is well formed
	for _, path := range left {
		if info, e := os.Stat(path); e == nil && time.Since(info.ModTime()) > leftFor {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	return errors.Join(err, b.sweep())
}

// sweep removes what Cargo made of projects that are gone.
func (b *Builder) sweep() (err error) {
	made, _ := filepath.Glob(filepath.Join(b.dir, "cargo-*")) // the pattern is well formed
	for _, path := range made {
		source, e := os.ReadFile(filepath.Join(path, sourceName))
		if e != nil {
			continue
		}
		if _, e := os.Stat(filepath.Join(string(source), "Cargo.toml")); errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	return err
}

// clipped keeps the beginning of what is written to it.
type clipped struct{ bytes.Buffer }

func (c *clipped) Write(p []byte) (int, error) {
	if room := maxOutput - c.Len(); room > 0 {
		_, _ = c.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func digestFile(path string) (string, error) {
	sum, _, err := sumFile(path)
	return sum, err
}

// sumFile returns the digest of a file and its length.
func sumFile(path string) (string, int64, error) {
	f, err := file.Open(path, maxProgram)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, maxProgram+1))
	if err == nil && n > maxProgram {
		err = fmt.Errorf("%s grows beyond %d bytes", path, int64(maxProgram))
	}
	return hex.EncodeToString(h.Sum(nil)), n, err
}

func readFile(path string) ([]byte, error) { return file.Read(path, maxProgram) }
