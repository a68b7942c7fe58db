package program

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Form is what a program is written in.
type Form string

// The forms of programs.
const (
	ELF   Form = "elf"
	C     Form = "c"
	CXX   Form = "c++"
	Cargo Form = "cargo"
	Go    Form = "go"
)

// maxProgram bounds what is read of one file.
const maxProgram = 1 << 30 // bytes

// FormOf says what lies at path, without reading it. What is no source is taken
// for an ELF file: whether it is one, its loader finds out.
func FormOf(path string) (Form, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		// A pipe would keep the reader waiting, and a device gives no end of bytes.
		if !info.Mode().IsRegular() {
			return "", fmt.Errorf("%s is neither a file nor a folder", path)
		}
		if info.Size() > maxProgram {
			return "", fmt.Errorf("%s has %d bytes, and a program has at most %d", path, info.Size(), int64(maxProgram))
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".c":
			return C, nil
		case ".cpp", ".cc", ".cxx":
			return CXX, nil
		case ".rs", ".go":
			return "", fmt.Errorf("%s is one file of a project: name the folder with its %s", path, manifestFor[filepath.Ext(path)])
		}
		return ELF, nil
	}
	for _, m := range []struct {
		file string
		form Form
	}{{"Cargo.toml", Cargo}, {"go.mod", Go}} {
		if _, err := os.Stat(filepath.Join(path, m.file)); err == nil {
			return m.form, nil
		}
	}
	return "", fmt.Errorf("%s is a folder without Cargo.toml or go.mod", path)
}

var manifestFor = map[string]string{".rs": "Cargo.toml", ".go": "go.mod"}

// sources lists the files below a project's folder that can change what is
// made of it, in order: all but what tools leave there.
func sources(dir string) ([]string, error) {
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		switch {
		case d.IsDir() && path != dir && (name == "target" || strings.HasPrefix(name, ".") && name != ".cargo"):
			return filepath.SkipDir
		case d.Type().IsRegular() && (!strings.HasPrefix(name, ".") || filepath.Base(filepath.Dir(path)) == ".cargo"):
			list = append(list, path)
		}
		if len(list) > maxSources {
			return fmt.Errorf("%s has more than %d files", dir, maxSources)
		}
		return nil
	})
	return list, err
}

const maxSources = 20_000

// local finds other folders that a manifest takes sources from: "replace x =>
// ../y" of go.mod and `path = "../y"` of Cargo.toml.
var local = regexp.MustCompile(`(?m)=>\s*(\.{1,2}/\S*)|\bpath\s*=\s*"([^"]+)"`)

// projects returns the folder of a project, and those of the projects that it
// takes sources from, as their manifests say. A folder without a manifest is not
// one: a path in a manifest opens no other.
func projects(dir string) []string {
	list, seen := []string{dir}, map[string]bool{dir: true}
	for i := 0; i < len(list) && i < maxProjects; i++ {
		for _, name := range manifests {
			text, err := readFile(filepath.Join(list[i], name))
			if err != nil {
				continue
			}
			for _, m := range local.FindAllSubmatch(text, -1) {
				other := filepath.Join(list[i], string(m[1])+string(m[2]))
				if !seen[other] && slices.ContainsFunc(manifests, func(name string) bool { return isFile(filepath.Join(other, name)) }) {
					seen[other] = true
					list = append(list, other)
				}
			}
		}
	}
	return list
}

var manifests = []string{"Cargo.toml", "go.mod"}

const maxProjects = 1000

// projectFiles lists the sources of a project and of those that it takes from
// the same disk.
func projectFiles(dir string) ([]string, error) {
	var all []string
	for _, dir := range projects(dir) {
		files, err := sources(dir)
		if err != nil {
			return nil, err
		}
		if all = append(all, files...); len(all) > maxSources {
			return nil, fmt.Errorf("%s and what it takes in have more than %d files", dir, maxSources)
		}
	}
	return all, nil
}
