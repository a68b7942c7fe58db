package reading

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"fishplate/internal/config"
	"fishplate/internal/control"
	"fishplate/internal/file"
	"fishplate/internal/model"
)

// Load reads a file or folder, for control.Options.Load; a nil Config is
// refused.
type Load func(ctx context.Context, path string) (cfg *model.Config, errs, warnings []control.Problem)

// At returns a Load whose configurations have their admin socket at that path.
func (load Load) At(socket string) Load {
	return func(ctx context.Context, path string) (*model.Config, []control.Problem, []control.Problem) {
		cfg, errs, warnings := load(ctx, path)
		if cfg != nil {
			cfg.Admin.Socket = socket
		}
		return cfg, errs, warnings
	}
}

// A Judge says what of a configuration cannot be on this machine.
type Judge func(cfg *model.Config) []control.Problem

// Judged returns a Load that refuses what judge does.
func (load Load) Judged(judge Judge) Load {
	return func(ctx context.Context, path string) (*model.Config, []control.Problem, []control.Problem) {
		return judge.of(load(ctx, path))
	}
}

func (judge Judge) of(cfg *model.Config, errs, warnings []control.Problem) (*model.Config, []control.Problem, []control.Problem) {
	if cfg == nil {
		return nil, errs, warnings
	}
	if errs = append(errs, judge(cfg)...); len(errs) > 0 {
		return nil, errs, warnings
	}
	return cfg, nil, warnings
}

// Parse reads the text of a whole configuration, for control.Options.Parse.
type Parse func(name string, text []byte) (cfg *model.Config, errs, warnings []control.Problem)

// At returns a Parse whose configurations have their admin socket at that path.
func (parse Parse) At(socket string) Parse {
	return func(name string, text []byte) (*model.Config, []control.Problem, []control.Problem) {
		cfg, errs, warnings := parse(name, text)
		if cfg != nil {
			cfg.Admin.Socket = socket
		}
		return cfg, errs, warnings
	}
}

// Judged returns a Parse that refuses what judge does.
func (parse Parse) Judged(judge Judge) Parse {
	return func(name string, text []byte) (*model.Config, []control.Problem, []control.Problem) {
		return judge.of(parse(name, text))
	}
}

// First returns a Load whose first answer is what was loaded from there already:
// a start does not read a large configuration twice. The rest are load's own.
func (load Load) First(from string, cfg *model.Config, errs, warnings []control.Problem) Load {
	var asked atomic.Bool
	return func(ctx context.Context, path string) (*model.Config, []control.Problem, []control.Problem) {
		if !asked.Swap(true) && path == from {
			return cfg, errs, warnings
		}
		return load(ctx, path)
	}
}

// Reader reads configurations. It remembers what it made of their parts: one that
// differs little from the last takes little time.
type Reader struct{ memory config.Memory }

// FromDisk reads configurations as they are.
func (d *Reader) FromDisk(ctx context.Context, path string) (*model.Config, []control.Problem, []control.Problem) {
	return d.load(ctx, file.Tree(), path)
}

// TenantsFile returns what reads the tenants file at path, and others that plan
// and apply name later, with a listener at bind and one backend at that address
// around it. Configurations that they name are read as they are.
func (d *Reader) TenantsFile(path, bind, backend string) Load {
	return func(ctx context.Context, named string) (*model.Config, []control.Problem, []control.Problem) {
		if named != path && !IsTenantsFile(named) {
			return d.FromDisk(ctx, named)
		}
		files, made := Around(named, bind, backend)
		return d.load(ctx, files, made)
	}
}

// Around returns a file system with a configuration for a tenants file in it,
// and the name of that. It exists in memory only.
func Around(path, bind, backend string) (files fs.FS, made string) {
	made = filepath.Join(filepath.Dir(path), "serve-tenants.hcl")
	text := fmt.Sprintf("listener \"web\" {\n  bind = [%q]\n}\nbackend \"default\" {\n  servers = [%q]\n}\n"+
		"tenants \"file\" {\n  path = %q\n}\nvhost \"tenants\" {\n  backend = \"default\"\n}\n", bind, backend, path)
	return overlay{file.Tree(), strings.TrimPrefix(made, "/"), text}, made
}

// IsTenantsFile says whether a file is a tenants file rather than a
// configuration in JSON: something in it has a filename.
func IsTenantsFile(path string) bool {
	if !strings.HasSuffix(path, ".json") {
		return false
	}
	text, err := file.Read(path, file.Most)
	if err != nil {
		return false
	}
	var top map[string]json.RawMessage
	if json.Unmarshal(text, &top) != nil {
		return false
	}
	for _, raw := range top {
		var entry struct{ Filename *string }
		if json.Unmarshal(raw, &entry) == nil && entry.Filename != nil {
			return true
		}
	}
	return false
}

// overlay is a file system with one more file in it.
type overlay struct {
	fs.FS
	name, text string
}

// Open implements fs.FS.
func (o overlay) Open(name string) (fs.File, error) {
	if name == o.name {
		return &memoryFile{Reader: strings.NewReader(o.text), name: name}, nil
	}
	return o.FS.Open(name)
}

// memoryFile is the one file; it is its own description. Its size says nothing, as in
// /proc: the bound of a file is not for what was read from many, and is here already.
type memoryFile struct {
	*strings.Reader
	name string
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *memoryFile) Close() error               { return nil }
func (f *memoryFile) Name() string               { return filepath.Base(f.name) }
func (f *memoryFile) Size() int64                { return 0 }
func (f *memoryFile) Mode() fs.FileMode          { return 0o400 }
func (f *memoryFile) ModTime() time.Time         { return time.Time{} }
func (f *memoryFile) IsDir() bool                { return false }
func (f *memoryFile) Sys() any                   { return nil }

// Parse reads the whole text of a configuration, for control.Options.Parse.
func (d *Reader) Parse(name string, text []byte) (*model.Config, []control.Problem, []control.Problem) {
	path := "/" + name
	cfg, errs, warnings := d.load(context.Background(), overlay{file.Tree(), name, string(text)}, path)
	if cfg != nil {
		for key, at := range cfg.Places {
			if at.File == path {
				at.File = name
				cfg.Places[key] = at
			}
		}
	}
	for _, list := range [][]control.Problem{errs, warnings} {
		for i := range list {
			inText(&list[i], path, name)
		}
	}
	return cfg, errs, warnings
}

// inText makes a problem stand in a text of that name, where no path leads.
func inText(p *control.Problem, path, name string) {
	if p.File == path {
		p.File = name
	}
	places := regexp.MustCompile(regexp.QuoteMeta(path) + `:(\d+)(:\d+)?`)
	for _, text := range []*string{&p.Summary, &p.Detail, &p.Suggestion, &p.Text} {
		*text = places.ReplaceAllString(*text, name+", line $1")
	}
}

// load reads and checks a configuration; a nil one is refused.
func (d *Reader) load(ctx context.Context, files fs.FS, path string) (*model.Config, []control.Problem, []control.Problem) {
	base, err := os.Getwd()
	if err != nil {
		base = "" // file names in problems are then absolute
	}
	cfg, found, sources := config.LoadSources(config.Options{
		Context: ctx, FS: files, Path: path, Base: base, Env: os.LookupEnv, Now: time.Now(), Root: os.Geteuid() == 0, Flat: true, Memory: &d.memory,
	})
	return cfg, problemsOf(found.Errors(), sources), problemsOf(found.Warnings(), sources)
}

func problemsOf(found config.Diagnostics, sources config.Sources) (list []control.Problem) {
	for _, d := range found {
		var text strings.Builder
		one := config.Diagnostics{d}
		if err := one.Format(&text, sources, false); err != nil {
			text.Reset()
		}
		list = append(list, control.Problem{
			File: d.File, Line: d.Line, Column: d.Column, Summary: d.Summary, Detail: d.Detail, Suggestion: d.Suggestion,
			Text: text.String(),
		})
	}
	return list
}
