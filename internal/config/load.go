package config

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"fishplate/internal/config/files"
	"fishplate/internal/config/schema"
	"fishplate/internal/config/syntax"
	"fishplate/internal/config/whole"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// Options say what to read and what the world around it looks like.
type Options struct {
	// Context ends the reading when nobody waits for it any more; nil: nothing does.
	Context context.Context
	FS      fs.FS  // rooted at "/"
	Path    string // a file or a folder of *.hcl and *.hcl.json; absolute, or relative to the root of FS
	// Base is cut from the front of file names in diagnostics; usually the working directory. The root is not.
	Base string
	Env  func(name string) (string, bool) // nil: no variable is set
	Now  time.Time                        // for certificates; zero: their dates are not looked at
	Root bool                             // the process is root: decides the default of admin.socket
	Flat bool                             // write Config.Flat
	// Memory is what earlier loads left; nil: everything is made anew.
	Memory *Memory
}

// loader is one Load: its sources, its findings, and the scope of its expressions.
type loader struct {
	o        Options
	diags    Diagnostics
	sources  Sources // by name as in ranges
	files    *files.Reader
	cfg      *model.Config
	scope    *scope
	top      *schema.Table
	broken   bool // some file could not be parsed: names may be missing
	root     *node
	byName   map[[2]string]*node // its blocks by kind and label, once one is asked for
	policies []*whole.Policy     // every cache block of a route, vhost or tenant
	patterns model.Patterns      // of everything
	bodies   map[string][]byte   // of answers, by their text
	lists    predicate.Lists     // that predicates look things up in
	guest    string              // the tenant of the route that is being read

	requestNames []string
	seen         map[string]bool          // files already read
	owners       map[string]*model.Tenant // of tenants files, by host
	inline       map[string]string        // by the name that inline tenants are read under: the file that they stand in

	memory  *Memory                // of earlier loads
	whole   bool                   // files are read as one, where they are not too large for that
	used    map[pieceKey]*piece    // by this load
	taken   map[*model.VHost]*node // vhosts that an earlier load made, with their blocks
	world   string                 // what expressions of the files can see
	outside int                    // how often something else was asked
}

// Load reads a configuration. The Config is nil when there are errors. Every
// error and warning is reported, ordered by place.
func Load(o Options) (*model.Config, Diagnostics) {
	cfg, diags, _ := LoadSources(o)
	return cfg, diags
}

// LoadSources is Load that also returns the text of every file that was read,
// for Diagnostics.Format.
func LoadSources(o Options) (*model.Config, Diagnostics, Sources) {
	if o.Memory != nil {
		if cfg, diags, sources := o.Memory.load(o); cfg != nil {
			return cfg, diags, sources
		}
	}
	return newLoader(o).all()
}

// all reads, builds and checks.
func (l *loader) all() (*model.Config, Diagnostics, Sources) {
	root := l.decode(&syntax.Body{}, l.top, "", start(l.o.Path))
	l.readPath(l.o.Path, root)
	return l.finish(root)
}

func newLoader(o Options) *loader {
	l := &loader{o: o, whole: true, memory: &Memory{}, used: map[pieceKey]*piece{}, cfg: &model.Config{Places: model.Places{}}, sources: Sources{}, top: schema.Compile(schema.Top()), seen: map[string]bool{}, inline: map[string]string{}, bodies: map[string][]byte{}, taken: map[*model.VHost]*node{}}
	l.o.FS = watched{o.FS, l}
	l.files = files.New(cmp.Or(o.Context, context.Background()), l.o.FS)
	l.scope = &scope{l: l, locals: map[string]*local{}, calls: syntax.Calls{Env: l.env, Read: l.read}}
	l.requestNames = requestNames()
	return l
}

// finish builds and checks the model from what was decoded.
func (l *loader) finish(root *node) (*model.Config, Diagnostics, Sources) {
	if err := l.files.Left(); err != nil {
		l.fail(start(l.o.Path), err, nil)
		return nil, l.diags, l.sources
	}
	l.root = root
	l.build(root)
	l.check()
	if l.o.Flat && !l.diags.HasErrors() {
		l.cfg.Flat = l.flat(root)
	}
	// A route that stands for several tenants of a file is at fault once.
	diags := slices.CompactFunc(l.diags.Sort(), func(a, b Diagnostic) bool { return a.Range == b.Range && a.Summary == b.Summary })
	if diags.HasErrors() {
		return nil, diags, l.sources
	}
	return l.cfg, diags, l.sources
}

// file is one parsed file that waits for decoding.
type file struct {
	name   string
	body   *syntax.Body
	broken bool // by its syntax: its locals count, nothing else is looked at
	// origins are the pieces that the blocks come from; nil: it was read as one.
	origins []origin
}

// readPath parses everything first, so that locals of all files are known, and
// decodes then.
func (l *loader) readPath(name string, root *node) {
	var files []file
	info, err := fs.Stat(l.o.FS, syntax.FSName(name))
	switch {
	case err != nil:
		l.errorf(start(name), fmt.Sprintf("read %s: %s", l.Show(name), syntax.Reason(err)), "", syntax.Remedy(err))
		l.broken = true
	case info.IsDir():
		files = l.readFolder(name)
	default:
		files = l.readFile(name, start(name), files)
	}
	for _, f := range files {
		for _, in := range f.body.Blocks {
			if in.Name == "locals" {
				for _, a := range in.Body.Attrs {
					l.scope.add(a)
				}
				for _, b := range in.Body.Blocks {
					l.errorf(b.At, "a locals block holds values, not blocks", "", fmt.Sprintf("write %s = …", b.Name))
				}
			}
		}
	}
	slices.Sort(l.scope.names)
	for _, n := range l.scope.names {
		l.scope.value(n, l.scope.locals[n].at)
	}
	l.settle()
	for _, f := range files {
		if f.broken || l.files.Left() != nil {
			continue
		}
		f.body.Attrs = slices.DeleteFunc(f.body.Attrs, func(a syntax.Attribute) bool { return a.Name == "include" })
		l.join(root, l.decodeFile(&f))
	}
}

// join adds the blocks of one file to those of all, refusing doubles.
func (l *loader) join(root, n *node) {
	for _, b := range l.top.Blocks {
		there := make(map[string]*node, len(root.kids[b.Name]))
		for _, k := range root.kids[b.Name] {
			there[k.label] = k
		}
		for _, k := range n.kids[b.Name] {
			if twin := there[k.label]; twin != nil {
				l.errorf(k.at, fmt.Sprintf("%s is already written at %s", k.table.Where(k.label), l.Place(twin.at)), "", "names are unique over all files")
				continue
			}
			there[k.label] = k
			root.add(k)
		}
	}
}

func (l *loader) readFolder(name string) []file {
	entries, err := fs.ReadDir(l.o.FS, syntax.FSName(name))
	if err != nil {
		l.errorf(start(name), fmt.Sprintf("read %s: %s", l.Show(name), syntax.Reason(err)), "", syntax.Remedy(err))
		return nil
	}
	var files []file
	for _, e := range entries {
		if !e.IsDir() && (strings.HasSuffix(e.Name(), ".hcl") || strings.HasSuffix(e.Name(), ".hcl.json")) {
			files = l.readFile(path.Join(name, e.Name()), start(name), files)
		}
	}
	if len(files) == 0 && !l.broken {
		l.errorf(start(name), fmt.Sprintf("folder %s holds no *.hcl file", l.Show(name)), "", "")
		l.broken = true
	}
	return files
}

// readFile parses a file, which is named at that place, and what it includes; each
// file once.
func (l *loader) readFile(name string, at hcl.Range, files []file) []file {
	if l.seen[name] || l.files.Over() {
		return files
	}
	if err := l.files.Enter(name); err != nil {
		return l.fail(at, err, files)
	}
	defer l.files.Leave()
	l.seen[name] = true
	src, err := l.read(name)
	if err == nil && (bytes.IndexByte(src, 0) >= 0 || !utf8.Valid(src)) {
		err = errors.New("it is not UTF-8 text")
	}
	if err == nil {
		err = l.files.Parse(src)
	}
	if err != nil {
		l.errorf(start(name), fmt.Sprintf("read %s: %s", l.Show(name), syntax.Reason(err)), "", syntax.Remedy(err))
		l.broken = true
		return files
	}
	if (!l.whole || len(src) > model.MaxText) && !strings.HasSuffix(name, ".json") {
		if f := l.pieces(name, src); f != nil {
			return l.includes(*f, append(files, *f))
		}
	}
	var b *syntax.Body
	var diags hcl.Diagnostics
	if strings.HasSuffix(name, ".json") {
		b, diags = syntax.JSON(src, name, l.top)
	} else {
		b, diags = syntax.Native(src, name)
	}
	broken := diags.HasErrors()
	l.broken = l.broken || broken
	l.take(syntax.OnePerKind(diags), start(name))
	f := file{name: name, body: b, broken: broken}
	if files = append(files, f); broken {
		return files
	}
	return l.includes(f, files)
}

func (l *loader) includes(f file, files []file) []file {
	for _, a := range f.body.Attrs {
		if a.Name == "include" {
			files = l.include(f.name, a, files)
		}
	}
	return files
}

// include reads the files of a glob, relative to the file that names it.
func (l *loader) include(from string, a syntax.Attribute, files []file) []file {
	patterns, _ := l.convert(l.top.Rows["include"], a.Expr).([]string)
	for _, p := range patterns {
		if l.files.Over() {
			break
		}
		full := syntax.Resolve(from, p)
		names, err := l.files.Glob(full)
		if err != nil && l.files.Over() {
			return l.fail(a.Expr.Range(), err, files)
		} else if err != nil {
			l.errorf(a.Expr.Range(), fmt.Sprintf("include pattern %q cannot be read", p), "", `"*" is any name, "?" any letter, "[a-z]" one of these`)
			continue
		}
		if len(names) == 0 && strings.ContainsAny(p, "*?[") {
			l.warnf(a.Expr.Range(), fmt.Sprintf("include pattern %q matches no file", p), "", "")
		} else if len(names) == 0 {
			l.errorf(a.Expr.Range(), fmt.Sprintf("include %s: there is no such file", l.Show(full)), "", "")
			l.broken = true
		}
		for _, n := range names {
			if path.IsAbs(full) {
				n = "/" + n
			}
			files = l.readFile(n, a.Expr.Range(), files)
		}
	}
	return files
}

// fail reports that files cannot be read.
func (l *loader) fail(at hcl.Range, err error, files []file) []file {
	l.errorf(at, "include: "+err.Error(), "", "")
	l.broken = true
	return files
}

// read returns a file's bytes and remembers it as a source.
func (l *loader) read(name string) ([]byte, error) {
	l.outside++ // also for who is not the first to ask
	b, first, err := l.files.Read(name)
	if first {
		l.sources[l.Show(name)] = b
		l.cfg.Sources = append(l.cfg.Sources, model.Source{Path: name, Hash: sha256.Sum256(b)})
	}
	return b, err
}

func (l *loader) env(name string) (string, bool) {
	if l.outside++; l.o.Env == nil {
		return "", false
	}
	return l.o.Env(name)
}

// Show is a file's name for people.
func (l *loader) Show(name string) string { return files.Show(l.o.Base, name) }

// Place is where something stands, for people.
func (l *loader) Place(r hcl.Range) string {
	r = l.standing(r)
	return fmt.Sprintf("%s:%d", l.Show(r.Filename), r.Start.Line)
}

// start is the range of a file's first letter.
func start(name string) hcl.Range {
	return hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
}
