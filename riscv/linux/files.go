package linux

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
)

// files are the open descriptors.
type files struct {
	table []*file // by number; nil where closed
	root  fs.FS
}

// file is what a descriptor stands for; descriptors made by dup share it.
type file struct {
	name   string
	in     io.Reader
	out    io.Writer
	tty    bool
	stream bool // standard input or output: cannot seek, and comes from outside
	data   []byte
	at     int64 // offset in data, or entries of a directory that were given out
	mode   fs.FileMode
	list   []fs.DirEntry
}

const maxFiles = 1024

func (f *files) open(c Config) {
	f.root = c.Files
	stdin, stdout, stderr := c.Stdin, c.Stdout, c.Stderr
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	if stdout == nil {
		stdout = io.Discard
	}
	if stderr == nil {
		stderr = io.Discard
	}
	f.table = []*file{
		{name: "stdin", in: stdin, stream: true, tty: c.Terminal[0], mode: fs.ModeNamedPipe | 0o600},
		{name: "stdout", out: stdout, stream: true, tty: c.Terminal[1], mode: fs.ModeNamedPipe | 0o600},
		{name: "stderr", out: stderr, stream: true, tty: c.Terminal[2], mode: fs.ModeNamedPipe | 0o600},
	}
	for _, s := range f.table {
		if s.tty {
			s.mode = fs.ModeCharDevice | fs.ModeDevice | 0o620
		}
	}
}

// of returns the open file of a descriptor, or nil.
func (f *files) of(fd int) *file {
	if fd < 0 || fd >= len(f.table) {
		return nil
	}
	return f.table[fd]
}

// install gives a file the lowest free descriptor from low on.
func (f *files) install(x *file, low int) (uint64, Errno) {
	for fd := low; fd < maxFiles; fd++ {
		for fd >= len(f.table) {
			f.table = append(f.table, nil)
		}
		if f.table[fd] == nil {
			f.table[fd] = x
			return uint64(fd), 0
		}
	}
	return 0, EMFILE
}

// maxFile is the greatest file that is opened; it is read as a whole.
const maxFile = 64 << 20

// find returns what is at a path: a device, or a file of the configuration.
func (p *Process) find(name string) (*file, Errno) {
	name = path.Clean("/" + name)
	switch name {
	case "/dev/null":
		return &file{name: name, in: strings.NewReader(""), out: io.Discard, mode: fs.ModeCharDevice | fs.ModeDevice | 0o666}, 0
	case "/dev/zero":
		return &file{name: name, in: zeroes{}, out: io.Discard, mode: fs.ModeCharDevice | fs.ModeDevice | 0o666}, 0
	case "/dev/random", "/dev/urandom":
		return &file{name: name, in: &p.random, out: io.Discard, mode: fs.ModeCharDevice | fs.ModeDevice | 0o666}, 0
	}
	if p.files.root == nil {
		return nil, ENOENT
	}
	inner := strings.TrimPrefix(name, "/")
	if inner == "" {
		inner = "."
	}
	info, err := fs.Stat(p.files.root, inner)
	if err != nil {
		return nil, errnoOf(err)
	}
	f := &file{name: name, mode: info.Mode()}
	switch {
	case info.IsDir():
		f.list, err = fs.ReadDir(p.files.root, inner)
	case !info.Mode().IsRegular():
		return nil, EACCES
	case info.Size() > maxFile:
		return nil, EOVERFLOW
	default:
		f.data, err = fs.ReadFile(p.files.root, inner)
		p.Machine.Charge(uint64(len(f.data)) / copyRate)
	}
	return f, errnoOf(err)
}

func errnoOf(err error) Errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
		return ENOENT
	case errors.Is(err, fs.ErrPermission):
		return EACCES
	}
	return EIO
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// Flags and special descriptors of the calls on files.
const (
	openAccess    = 3
	openCreate    = 0o100
	openTruncate  = 0o1000
	openDirectory = 0o200000
	atEmptyPath   = 0x1000
	atCWD         = -100

	fcntlDup      = 0
	fcntlGetFD    = 1
	fcntlSetFD    = 2
	fcntlGetFL    = 3
	fcntlSetFL    = 4
	fcntlDupClose = 1030
)

// resolve joins a path with the directory that a call names.
func (p *Process) resolve(dir int, name string) (string, Errno) {
	if strings.HasPrefix(name, "/") || dir == atCWD {
		return name, 0
	}
	d := p.files.of(dir)
	switch {
	case d == nil:
		return "", EBADF
	case !d.mode.IsDir():
		return "", ENOTDIR
	}
	return path.Join(d.name, name), 0
}

func (p *Process) openat(a *args) (uint64, Errno) { return p.open(a.int(0), a[1], a[2]) }

// open serves a number of old that the newlib library uses.
func (p *Process) openOld(a *args) (uint64, Errno) { return p.open(atCWD, a[0], a[1]) }

func (p *Process) open(dir int, addr, flags uint64) (uint64, Errno) {
	name, e := p.path(addr)
	if e == 0 && name == "" {
		e = ENOENT
	}
	if e == 0 {
		name, e = p.resolve(dir, name)
	}
	if e != 0 {
		return 0, e
	}
	f, e := p.find(name)
	writes := flags&openAccess != 0 || flags&openTruncate != 0
	switch {
	case e == ENOENT && flags&openCreate != 0:
		return 0, EROFS
	case e != 0:
		return 0, e
	case f.mode.IsDir() && writes:
		return 0, EISDIR
	case !f.mode.IsDir() && flags&openDirectory != 0:
		return 0, ENOTDIR
	case writes && f.out == nil:
		return 0, EROFS
	}
	return p.files.install(f, 0)
}

func (p *Process) close(a *args) (uint64, Errno) {
	if p.files.of(a.int(0)) == nil {
		return 0, EBADF
	}
	p.files.table[a.int(0)] = nil
	return 0, 0
}

func (p *Process) dup(a *args) (uint64, Errno) {
	f := p.files.of(a.int(0))
	if f == nil {
		return 0, EBADF
	}
	return p.files.install(f, 0)
}

func (p *Process) dup3(a *args) (uint64, Errno) {
	f, to := p.files.of(a.int(0)), a.int(1)
	switch {
	case a.int(0) == to:
		return 0, EINVAL
	case f == nil || to < 0 || to >= maxFiles:
		return 0, EBADF
	}
	if p.files.of(to) != nil {
		p.files.table[to] = nil
	}
	return p.files.install(f, to)
}

func (p *Process) fcntl(a *args) (uint64, Errno) {
	f := p.files.of(a.int(0))
	if f == nil {
		return 0, EBADF
	}
	switch a.int(1) {
	case fcntlDup, fcntlDupClose:
		if a.int(2) < 0 || a.int(2) >= maxFiles {
			return 0, EINVAL
		}
		return p.files.install(f, a.int(2))
	case fcntlGetFD, fcntlSetFD, fcntlSetFL:
		return 0, 0
	case fcntlGetFL:
		switch {
		case f.in != nil && f.out != nil:
			return 2, 0
		case f.out != nil:
			return 1, 0
		}
		return 0, 0
	}
	return 0, EINVAL
}

func (p *Process) faccessat(a *args) (uint64, Errno) {
	name, e := p.path(a[1])
	if e == 0 {
		name, e = p.resolve(a.int(0), name)
	}
	if e != 0 {
		return 0, e
	}
	f, e := p.find(name)
	if e == 0 && a[2]&2 != 0 && f.out == nil {
		e = EROFS
	}
	return 0, e
}

func (p *Process) readlinkat(a *args) (uint64, Errno) {
	name, e := p.path(a[1])
	if e != 0 {
		return 0, e
	}
	if a.int(3) <= 0 {
		return 0, EINVAL
	}
	target := ""
	switch path.Clean(name) {
	case "/proc/self/exe":
		target = path.Join("/", path.Base(p.config.Args[0]))
	default:
		if _, e := p.find(name); e != 0 {
			return 0, e
		}
		return 0, EINVAL // there are no other links
	}
	n := min(len(target), a.int(3))
	return uint64(n), p.store(a[2], []byte(target[:n]))
}

func (p *Process) getcwd(a *args) (uint64, Errno) {
	if a[1] < 2 {
		return 0, ERANGE
	}
	return 2, p.store(a[0], []byte("/\x00"))
}

// Kinds of directory entries.
const (
	entryDir  = 4
	entryFile = 8
)

func (p *Process) getdents(a *args) (uint64, Errno) {
	f := p.files.of(a.int(0))
	switch {
	case f == nil:
		return 0, EBADF
	case !f.mode.IsDir():
		return 0, ENOTDIR
	}
	var out []byte
	for ; f.at < int64(len(f.list)); f.at++ {
		entry := f.list[f.at]
		size := (19 + len(entry.Name()) + 1 + 7) &^ 7
		if uint64(len(out)+size) > a[2] {
			break
		}
		kind := byte(entryFile)
		if entry.IsDir() {
			kind = entryDir
		}
		l := layoutOf{p: p}
		l.u64(inode(path.Join(f.name, entry.Name())))
		l.u64(uint64(f.at) + 1)
		l.u16(uint16(size))
		l.b = append(append(l.b, kind), entry.Name()...)
		l.pad(size)
		out = append(out, l.b...)
	}
	if len(out) == 0 && f.at < int64(len(f.list)) {
		return 0, EINVAL
	}
	return uint64(len(out)), p.store(a[1], out)
}

// inode makes up a number for a path.
func inode(name string) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range []byte(name) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return max(h>>1, 1)
}
