package machine

import (
	"bufio"
	"os"
	"path"
	"slices"
	"strings"
)

// folder is one of a control group; those of the first version have other files.
type folder struct {
	path  string
	first bool
}

// folders returns those of the control groups of a kind that the process is in, with
// those around them, as far as they are to be seen: in a container its own is the
// outermost, and is called "/".
func folders(root, kind string) (list []folder) {
	file, err := os.Open(path.Join(root, "proc/self/cgroup"))
	if err != nil {
		return nil
	}
	defer file.Close()
	for in := bufio.NewScanner(file); in.Scan(); {
		_, rest, _ := strings.Cut(in.Text(), ":")
		kinds, name, _ := strings.Cut(rest, ":")
		at := "sys/fs/cgroup"
		if kinds != "" {
			if !slices.Contains(strings.Split(kinds, ","), kind) {
				continue
			}
			at = path.Join(at, kind)
		}
		for ; ; name = path.Dir(name) {
			list = append(list, folder{path.Join(root, at, name), kinds != ""})
			if name == "/" || name == "." {
				break
			}
		}
	}
	return list
}
