package linux

import (
	"io/fs"

	"fishplate/riscv/files"
)

// Bits of st_mode.
const (
	modePipe = 0o010000
	modeChar = 0o020000
	modeDir  = 0o040000
	modeFile = 0o100000
)

// modeOf writes a mode as st_mode has it.
func modeOf(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	switch {
	case m&fs.ModeNamedPipe != 0:
		return bits | modePipe
	case m&fs.ModeCharDevice != 0:
		return bits | modeChar
	case m.IsDir():
		return bits | modeDir
	}
	return bits | modeFile
}

// fstat tells of an open file.
func (p *Process) fstat(a *args) (uint64, Errno) {
	f := p.files.Of(a.int(0))
	if f == nil {
		return 0, EBADF
	}
	return 0, p.storeStat(a[1], f)
}

// newfstatat tells of the file at a path, or with AT_EMPTY_PATH of an open one.
// There are no links to follow.
func (p *Process) newfstatat(a *args) (uint64, Errno) {
	f, e := p.statAt(a.int(0), a[1], a[3])
	if e != 0 {
		return 0, e
	}
	return 0, p.storeStat(a[2], f)
}

// statOld serves a number of old that the newlib library uses.
func (p *Process) statOld(a *args) (uint64, Errno) {
	f, e := p.statAt(atCWD, a[0], 0)
	if e != 0 {
		return 0, e
	}
	return 0, p.storeStat(a[1], f)
}

// statAt finds the file of a stat call.
func (p *Process) statAt(dir int, addr, flags uint64) (*files.File, Errno) {
	name, e := p.path(addr)
	if e != 0 {
		return nil, e
	}
	if name == "" {
		f := p.files.Of(dir)
		switch {
		case flags&atEmptyPath == 0:
			return nil, ENOENT
		case f == nil:
			return nil, EBADF
		}
		return f, 0
	}
	if name, e = p.resolve(dir, name); e != 0 {
		return nil, e
	}
	return p.find(name)
}

const blockSize = 4096

// storeStat writes struct stat as asm-generic has it for 64 bits, which newlib
// uses for 32 too.
func (p *Process) storeStat(addr uint64, f *files.File) Errno {
	l := layoutOf{p: p}
	l.u64(1) // device
	l.u64(files.Inode(f.Name))
	l.u32(modeOf(f.Mode))
	l.u32(1) // links
	l.u32(userID)
	l.u32(userID)
	l.u64(rdev(f))
	l.u64(0)
	l.u64(uint64(len(f.Data)))
	l.u32(blockSize)
	l.u32(0)
	l.u64(uint64(len(f.Data)+511) / 512)
	l.pad(128) // times are 0: they would differ from run to run
	return p.store(addr, l.b)
}

// rdev is the device number of a terminal or of /dev/null.
func rdev(f *files.File) uint64 {
	switch {
	case f.TTY:
		return 0x8800
	case f.Mode&fs.ModeCharDevice != 0:
		return 0x103
	}
	return 0
}

// Everything that statx is asked for by default.
const statxBasic = 0x7ff

// statx is the newer stat, and the only one that C libraries use on RV32.
func (p *Process) statx(a *args) (uint64, Errno) {
	f, e := p.statAt(a.int(0), a[1], a[2])
	if e != 0 {
		return 0, e
	}
	l := layoutOf{p: p}
	l.u32(statxBasic)
	l.u32(blockSize)
	l.u64(0) // attributes
	l.u32(1) // links
	l.u32(userID)
	l.u32(userID)
	l.u16(uint16(modeOf(f.Mode)))
	l.u16(0)
	l.u64(files.Inode(f.Name))
	l.u64(uint64(len(f.Data)))
	l.u64(uint64(len(f.Data)+511) / 512)
	l.pad(128)
	l.u32(uint32(rdev(f) >> 8))
	l.u32(uint32(rdev(f) & 255))
	l.u32(0)
	l.u32(1)
	l.pad(256)
	return 0, p.store(a[4], l.b)
}
