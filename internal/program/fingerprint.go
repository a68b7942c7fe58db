package program

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// include finds what a C or C++ file takes in.
var include = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]*[<"]([^">\n]+)[>"]`)

// Fingerprint tells two states of a program's sources apart, without compiling
// them: 16 hexadecimal digits over the file, the files beside it that it
// includes, or all of its project. Of a file that is no source they are the
// first of its SHA-256.
func Fingerprint(path string) (string, error) {
	form, err := FormOf(path)
	if err != nil {
		return "", err
	}
	if form == ELF {
		sum, err := digestFile(path)
		if err != nil {
			return "", err
		}
		return sum[:16], nil
	}
	files := map[string]string{}
	if form == C || form == CXX {
		err = included(path, filepath.Dir(path), files)
	} else {
		files, err = inputs(form, path)
	}
	if err != nil {
		return "", err
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	h := sha256.New()
	for _, name := range names {
		fmt.Fprintf(h, "%s\x00%s\x00", name, files[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// included adds a source, and what it includes from its own folder or from that
// of the first source. What is elsewhere comes with the SDK or the compiler.
func included(path, home string, files map[string]string) error {
	text, err := readFile(path)
	if err != nil {
		return err
	}
	files[path] = digest(text)
	if len(files) > maxSources {
		return fmt.Errorf("%s includes more than %d files", path, maxSources)
	}
	for _, m := range include.FindAllSubmatch(text, -1) {
		for _, dir := range []string{filepath.Dir(path), home} {
			other := filepath.Join(dir, filepath.FromSlash(string(m[1])))
			if _, known := files[other]; known {
				break
			}
			if info, err := os.Stat(other); err == nil && info.Mode().IsRegular() {
				if err := included(other, home, files); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}
