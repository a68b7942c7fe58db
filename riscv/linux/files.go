package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"fishplate/riscv/files"
)

// openStreams makes descriptors 0 to 2.
func (p *Process) openStreams(c Config) {
	p.files = files.Table{Tree: c.Files, Random: &p.random}
	p.files.Install(files.Stream("stdin", c.Stdin, nil, c.Terminal[0]), 0)
	p.files.Install(files.Stream("stdout", nil, c.Stdout, c.Terminal[1]), 1)
	p.files.Install(files.Stream("stderr", nil, c.Stderr, c.Terminal[2]), 2)
}

// install gives a file the lowest free descriptor from low on.
func (p *Process) install(f *files.File, low int) (uint64, Errno) {
	fd, ok := p.files.Install(f, low)
	if !ok {
		return 0, EMFILE
	}
	return uint64(fd), 0
}

// find returns what is at a path. Reading a file as a whole is charged.
func (p *Process) find(name string) (*files.File, Errno) {
	if path.Clean(name) == "/proc/self/maps" {
		return &files.File{Name: name, Mode: 0o444, Data: p.describeSpace()}, 0
	}
	f, err := p.files.Find(name)
	switch {
	case err == nil:
		p.Machine.Charge(uint64(len(f.Data)) / copyRate)
		return f, 0
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
		return nil, ENOENT
	case errors.Is(err, fs.ErrPermission):
		return nil, EACCES
	case errors.Is(err, files.ErrTooLarge):
		return nil, EOVERFLOW
	}
	return nil, EIO
}

// describeSpace writes /proc/self/maps, in which libraries look for their stack.
func (p *Process) describeSpace() []byte {
	s := &p.space
	list, _ := s.Mapped(s.Heap, s.StackTop)
	var b []byte
	for _, m := range list {
		prot := []byte("---p")
		for i, letter := range "rw" {
			if m.Prot>>i&1 != 0 {
				prot[i] = byte(letter)
			}
		}
		name := map[uint64]string{s.Heap: "[heap]", s.Stack: "[stack]"}[m.Start]
		b = fmt.Appendf(b, "%08x-%08x %s 00000000 00:00 0 %s\n", m.Start, m.End, prot, name)
	}
	return b
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
	if path.IsAbs(name) || dir == atCWD {
		return name, 0
	}
	d := p.files.Of(dir)
	switch {
	case d == nil:
		return "", EBADF
	case !d.Mode.IsDir():
		return "", ENOTDIR
	}
	return d.Resolve(name), 0
}

// openat follows a relative path from an open directory, or from / with
// AT_FDCWD, since that is where the process always is.
func (p *Process) openat(a *args) (uint64, Errno) { return p.open(a.int(0), a[1], a[2]) }

// openOld serves a number of old that the newlib library uses.
func (p *Process) openOld(a *args) (uint64, Errno) { return p.open(atCWD, a[0], a[1]) }

// open gives a descriptor for what is at a path. Everything is there to be read
// only; asking to write or to create is EROFS, as on a file system that is
// mounted so.
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
	case f.Mode.IsDir() && writes:
		return 0, EISDIR
	case !f.Mode.IsDir() && flags&openDirectory != 0:
		return 0, ENOTDIR
	case writes && f.Out == nil:
		return 0, EROFS
	}
	return p.install(f, 0)
}

// close forgets a descriptor. The host's stream behind it stays open: it
// belongs to the caller of New.
func (p *Process) close(a *args) (uint64, Errno) {
	if !p.files.Close(a.int(0)) {
		return 0, EBADF
	}
	return 0, 0
}

// dup gives another descriptor for the same file; they share its offset.
func (p *Process) dup(a *args) (uint64, Errno) {
	f := p.files.Of(a.int(0))
	if f == nil {
		return 0, EBADF
	}
	return p.install(f, 0)
}

// dup3 is dup to a chosen descriptor, which is closed first. Flags, of which
// there is close-on-exec only, mean nothing here.
func (p *Process) dup3(a *args) (uint64, Errno) {
	f, to := p.files.Of(a.int(0)), a.int(1)
	switch {
	case a.int(0) == to:
		return 0, EINVAL
	case f == nil || to < 0 || to >= files.MaxOpen:
		return 0, EBADF
	}
	p.files.Close(to)
	return p.install(f, to)
}

// fcntl duplicates descriptors and tells how they were opened. What sets a flag
// succeeds and does nothing: there is no exec, and nothing that does not block.
func (p *Process) fcntl(a *args) (uint64, Errno) {
	f := p.files.Of(a.int(0))
	if f == nil {
		return 0, EBADF
	}
	switch a.int(1) {
	case fcntlDup, fcntlDupClose:
		if a.int(2) < 0 || a.int(2) >= files.MaxOpen {
			return 0, EINVAL
		}
		return p.install(f, a.int(2))
	case fcntlGetFD, fcntlSetFD, fcntlSetFL:
		return 0, 0
	case fcntlGetFL:
		switch {
		case f.In != nil && f.Out != nil:
			return 2, 0
		case f.Out != nil:
			return 1, 0
		}
		return 0, 0
	}
	return 0, EINVAL
}

// faccessat answers as open would.
func (p *Process) faccessat(a *args) (uint64, Errno) {
	name, e := p.path(a[1])
	if e == 0 {
		name, e = p.resolve(a.int(0), name)
	}
	if e != 0 {
		return 0, e
	}
	f, e := p.find(name)
	if e == 0 && a[2]&2 != 0 && f.Out == nil {
		e = EROFS
	}
	return 0, e
}

// readlinkat knows the one link that C libraries follow at start: to the
// program itself.
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

// getcwd answers /, with its NUL, which the result counts.
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

// getdents fills the buffer with as many entries of a directory as fit, and
// goes on there with the next call. The names . and .. are left out, as POSIX
// allows.
func (p *Process) getdents(a *args) (uint64, Errno) {
	f := p.files.Of(a.int(0))
	switch {
	case f == nil:
		return 0, EBADF
	case !f.Mode.IsDir():
		return 0, ENOTDIR
	}
	var out []byte
	for ; f.At < int64(len(f.List)); f.At++ {
		entry := f.List[f.At]
		size := (19 + len(entry.Name()) + 1 + 7) &^ 7
		if uint64(len(out)+size) > a[2] {
			break
		}
		kind := byte(entryFile)
		if entry.IsDir() {
			kind = entryDir
		}
		l := layoutOf{p: p}
		l.u64(files.Inode(path.Join(f.Name, entry.Name())))
		l.u64(uint64(f.At) + 1)
		l.u16(uint16(size))
		l.b = append(append(l.b, kind), entry.Name()...)
		l.pad(size)
		out = append(out, l.b...)
	}
	if len(out) == 0 && f.At < int64(len(f.List)) {
		return 0, EINVAL
	}
	return uint64(len(out)), p.store(a[1], out)
}
