package starter

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed all c cpp rust go
var files embed.FS

// Languages are what Write knows.
func Languages() []string { return []string{"c", "cpp", "rust", "go"} }

// programs are what the configuration names, by language.
func program(language string) string {
	switch language {
	case "c":
		return "main.c"
	case "cpp":
		return "main.cpp"
	}
	return "." // the project's folder
}

// ErrLanguage says that a language has no project.
var ErrLanguage = errors.New("no such language: c, cpp, rust or go")

// Write makes the project of a language in dir, which is made too. A file that
// is there already is an error, and then nothing is written. The names of the
// files are returned.
func Write(language, dir string) ([]string, error) {
	if !slices.Contains(Languages(), language) {
		return nil, ErrLanguage
	}
	all := map[string]string{}
	for _, from := range []string{"all", language} {
		err := fs.WalkDir(files, from, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := files.ReadFile(name)
			all[strings.TrimSuffix(strings.TrimPrefix(name, from+"/"), ".txt")] = string(text)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	name := nameOf(dir)
	fill := strings.NewReplacer("@NAME@", name, "@PROGRAM@", program(language))
	var names []string
	for file := range all {
		names = append(names, file)
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(file))); err == nil {
			return nil, fmt.Errorf("write project: %s is there already", filepath.Join(dir, file))
		}
	}
	slices.Sort(names)
	for _, file := range names {
		to := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(path.Dir(file))), 0o755); err != nil {
			return nil, fmt.Errorf("write project: %w", err)
		}
		if err := os.WriteFile(to, []byte(fill.Replace(all[file])), 0o644); err != nil {
			return nil, fmt.Errorf("write project: %w", err)
		}
	}
	return names, nil
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// nameOf makes the name of a tenant, a crate and a module of a folder's.
func nameOf(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	name := strings.Trim(unfit.ReplaceAllString(strings.ToLower(filepath.Base(dir)), "-"), "-")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "first" + name
	}
	return name
}
