package gauge

import (
	"path"
	"slices"
	"strings"

	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

// Cgroup returns the files of one name in our control group, or in that of the
// process that serves, and in those above it that are visible, its own first: a limit counts at every level. In version 1
// of control groups controller says which hierarchy is meant, and v1 is true. An
// empty list has an error that says why.
func Cgroup(v *see.View, controller, file string) (files []string, v1 bool, err error) {
	group, _, err := Read(v, v.Own()+"/cgroup", parse.Cgroups)
	if err != nil {
		return nil, false, err
	}
	where, v1 := group.Path(controller)
	base := "/sys/fs/cgroup"
	if v1 {
		base = controllerDir(v, controller)
	} else if ok, err := v.Exists(base + "/unified"); ok && err == nil {
		base += "/unified"
	}
	// In a container the path is that of the host, and the folder is mounted as
	// the root: the walk upwards ends there in any case.
	for dir := path.Clean("/" + where); ; dir = path.Dir(dir) {
		name := path.Join(base, dir, file)
		ok, see := v.Exists(name)
		if ok {
			files = append(files, name)
		} else if see != nil && err == nil {
			err = see
		}
		if dir == "/" {
			break
		}
	}
	if len(files) == 0 && err == nil {
		err = &see.Error{What: path.Join(base, where, file), Class: see.Absent}
	}
	if len(files) > 0 {
		err = nil
	}
	return files, v1, err
}

// controllerDir finds the mount of a controller of version 1: controllers that
// are mounted together share a folder named after all of them.
func controllerDir(v *see.View, controller string) string {
	const base = "/sys/fs/cgroup/"
	if ok, err := v.Exists(base + controller); ok && err == nil {
		return base + controller
	}
	dirs, err := v.List(base)
	if err == nil {
		for _, dir := range dirs {
			if slices.Contains(strings.Split(dir, ","), controller) {
				return base + dir
			}
		}
	}
	return base + controller
}

// Running returns the names, out of those given, of programs that run. In a
// container only its own programs are seen, which the caller must take into
// account; an error says that not even those are.
func Running(v *see.View, names ...string) (found []string, err error) {
	files := v.Glob("/proc/[0-9]*/comm")
	if len(files) == 0 {
		return nil, &see.Error{What: "/proc/PID/comm", Class: see.Absent}
	}
	var unread error
	for _, file := range files {
		name, err := comm(v, file)
		if err != nil && see.ClassOf(err) != see.Absent { // those have ended since
			unread = err
		}
		// The kernel keeps 15 bytes of a name.
		if err == nil && slices.ContainsFunc(names, func(n string) bool { return name == n[:min(len(n), 15)] }) && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case unread != nil:
		return nil, unread
	case !slices.Contains(files, "/proc/1/comm"):
		// Mounted with hidepid, /proc shows a user's own processes only.
		return nil, &see.Error{What: "/proc/1/comm", Class: see.Denied}
	}
	return nil, nil
}

// comm is the name of a program. The kernel ends it with a line's end: a file that
// holds nothing at all is that of a recording, which was never read.
func comm(v *see.View, file string) (string, error) {
	data, err := v.Read(file)
	if err == nil && len(data) == 0 {
		err = &see.Error{What: file, Class: see.Broken}
	}
	return strings.TrimSpace(string(data)), err
}

// Imitated reports whether lxcfs stands in the place of a file: it makes up what
// a container is to see.
func Imitated(v *see.View, file string) bool {
	mounts, _, err := Read(v, "/proc/self/mountinfo", parse.Mounts)
	return err == nil && slices.ContainsFunc(mounts, func(m parse.Mount) bool { return m.Point == file && m.Type == "fuse.lxcfs" })
}
