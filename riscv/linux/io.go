package linux

import (
	"encoding/binary"
	"io"
)

// files are the open descriptors; only the standard streams so far.
type files struct {
	in       io.Reader
	out, err io.Writer
}

func (f *files) open(c Config) { f.in, f.out, f.err = c.Stdin, c.Stdout, c.Stderr }

func (p *Process) writer(fd int) io.Writer {
	switch {
	case fd == 1 && p.files.out != nil:
		return p.files.out
	case fd == 2 && p.files.err != nil:
		return p.files.err
	case fd == 1 || fd == 2:
		return io.Discard
	}
	return nil
}

func (p *Process) write(a *args) int64 {
	w := p.writer(a.int(0))
	if w == nil {
		return -int64(EBADF)
	}
	b, err := p.Machine.Mem.View(a[1], a[2])
	if a[2] > 0 && err != nil {
		return fail(err)
	}
	n, err := w.Write(b)
	if err != nil && n == 0 {
		return -int64(EPIPE)
	}
	return int64(n)
}

func (p *Process) writev(a *args) int64 {
	total := int64(0)
	if a[2] > 1024 {
		return -int64(EINVAL)
	}
	for i := range a[2] {
		v, err := p.Machine.Mem.View(a[1]+2*uint64(p.word)*i, 2*uint64(p.word))
		if err != nil {
			return fail(err)
		}
		n := p.write(&args{a[0], p.getWord(v), p.getWord(v[p.word:])})
		if n < 0 {
			if total > 0 {
				return total
			}
			return n
		}
		total += n
	}
	return total
}

func (p *Process) getWord(b []byte) uint64 {
	if p.word == 4 {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func (p *Process) read(a *args) int64 {
	if a[0] != 0 {
		return -int64(EBADF)
	}
	if p.files.in == nil || a[2] == 0 {
		return 0
	}
	b, err := p.Machine.Mem.Writable(a[1], min(a[2], 1<<16))
	if err != nil {
		return fail(err)
	}
	n, err := p.files.in.Read(b)
	if n == 0 && err != nil && err != io.EOF {
		return -int64(EIO)
	}
	return int64(n)
}

func (p *Process) close(a *args) int64 {
	if a[0] > 2 {
		return -int64(EBADF)
	}
	return 0
}

func (p *Process) fstat(a *args) int64 {
	if a[0] > 2 {
		return -int64(EBADF)
	}
	b := make([]byte, 128)
	binary.LittleEndian.PutUint32(b[16:], 0x1000|0o600) // a pipe
	if err := p.Machine.Mem.Write(a[1], b); err != nil {
		return fail(err)
	}
	return 0
}
