package see

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"fishplate/internal/file"
)

// recorded is probe.json: a Probe as data.
type recorded struct {
	CPUIDs map[string]Registers `json:"cpuid"` // "0x40000000", or "0x4:1" for a sub-leaf
	MSRs   map[string]string    `json:"msr"`   // register → hex value, or errno
	Cards  map[string]Ethtool   `json:"ethtool"`
	Links  map[string]string    `json:"links"`  // path → target of a symbolic link
	Errors map[string]string    `json:"errors"` // path → errno
	Net    Network              `json:"network"`
	Us     Self                 `json:"self"`
}

// probeFile is the name of the recording in a fixture, and maxProbe bounds it, in
// bytes.
const (
	probeFile = "probe.json"
	maxProbe  = 16 << 20
)

// Fixture returns the machine recorded in root: its files, and probe.json, if
// there is one, for the rest; without it nothing but files can be seen.
func Fixture(root fs.FS) (*System, error) {
	r := &recorded{}
	data, err := bounded(root, probeFile, maxProbe)
	there := err == nil
	if there {
		err = json.Unmarshal(data, r)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", probeFile, reason(err))
	}
	s := New(root, r)
	s.links, s.override, s.Recorded = r.Links, r.Errors, there
	return s, nil
}

// At returns the machine below a folder: a fixture, or the root of another file
// system. A link that leads out of the folder is not followed, and what is neither
// a regular file nor a folder is not opened: whoever made the folder may have put
// a pipe there.
func At(dir string) (*System, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open root: %w", err)
	}
	return Fixture(file.Within(root, maxProbe))
}

func (r *recorded) CPUID(leaf, sub uint32) (Registers, error) {
	name := fmt.Sprintf("%#x", leaf)
	for _, key := range []string{fmt.Sprintf("%s:%d", name, sub), name} {
		if regs, ok := r.CPUIDs[key]; ok {
			return regs, nil
		}
	}
	return Registers{}, &Error{What: "cpuid " + name, Class: Hidden}
}

func (r *recorded) MSR(_ int, register uint32) (uint64, error) {
	name := fmt.Sprintf("%#x", register)
	value, ok := r.MSRs[name]
	if !ok {
		return 0, &Error{What: "msr " + name, Class: Absent}
	}
	if err := errno(value); err != nil {
		return 0, failed("msr "+name, err)
	}
	v, err := strconv.ParseUint(value, 0, 64)
	if err != nil {
		return 0, &Error{What: "msr " + name, Class: Broken, Err: err}
	}
	return v, nil
}

func (r *recorded) Ethtool(name string) (Ethtool, error) {
	e, ok := r.Cards[name]
	if !ok {
		return Ethtool{}, &Error{What: "ethtool " + name, Class: Hidden}
	}
	return e, nil
}

func (r *recorded) Network() Network { return r.Net }
func (r *recorded) Self() Self       { return r.Us }

// overridden returns the error that a fixture has for a path.
func (s *System) overridden(name string) error {
	if code, ok := s.override[name]; ok {
		if err := errno(code); err != nil {
			return err
		}
		return text(code)
	}
	return nil
}

// errno is the error of a name, nil when it is none of ours.
func errno(name string) error {
	switch name {
	case "EACCES":
		return syscall.EACCES
	case "EPERM":
		return syscall.EPERM
	case "ENOENT":
		return syscall.ENOENT
	case "EIO":
		return syscall.EIO
	case "ENODEV":
		return syscall.ENODEV
	case "EOPNOTSUPP":
		return syscall.EOPNOTSUPP
	case "EINVAL":
		return syscall.EINVAL
	}
	return nil
}
