//go:build unix

package handover

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"fishplate/internal/crash"
)

// Line is one end.
type Line struct{ c *net.UnixConn }

// bounds of a message: what a configuration with its secrets may be, files of
// one message, and files that the kernel takes at once (SCM_MAX_FD is 253).
const (
	maxText  = 256 << 20
	maxFiles = 65536
	atOnce   = 250
)

// Pair returns an end, and the file that the other process inherits.
func Pair() (*Line, *os.File, error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "handover")
	line, err := Open(os.NewFile(uintptr(fds[0]), "handover"))
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return line, theirs, nil
}

// Open makes an end of an inherited file, which it closes.
func Open(f *os.File) (*Line, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("open handover: %w", err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, errors.New("open handover: the descriptor is no unix socket")
	}
	return &Line{u}, nil
}

// Close ends the line; the other side then receives io.EOF.
func (l *Line) Close() error { return l.c.Close() }

// Until bounds what follows; the zero time bounds nothing.
func (l *Line) Until(t time.Time) error { return l.c.SetDeadline(t) }

type message struct {
	Kind string
	Body json.RawMessage
}

// Send sends a message with copies of files; the files stay the caller's.
func (l *Line) Send(kind string, body any, files []*os.File) error {
	inner, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("send %s: %w", kind, err)
	}
	text, err := json.Marshal(message{kind, inner})
	if err != nil {
		return fmt.Errorf("send %s: %w", kind, err)
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	head = binary.BigEndian.AppendUint32(head, uint32(len(files)))
	if len(text) > maxText || len(files) > maxFiles {
		return fmt.Errorf("send %s: too large", kind)
	}
	_, err = l.c.Write(head)
	for len(files) > 0 && err == nil {
		n := min(len(files), atOnce)
		err = l.sendFiles(files[:n])
		crash.At(crash.Handing)
		files = files[n:]
	}
	if err == nil {
		_, err = l.c.Write(text)
	}
	if err != nil {
		return fmt.Errorf("send %s: %w", kind, err)
	}
	return nil
}

// sendFiles sends some files, on a byte of their own.
func (l *Line) sendFiles(files []*os.File) error {
	fds := make([]int, len(files))
	for i, f := range files {
		// Fd would make a socket blocking, also for those who listen on it.
		raw, err := f.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { fds[i] = int(fd) })
		}
		if err != nil {
			return err
		}
	}
	_, _, err := l.c.WriteMsgUnix([]byte{byte(len(fds))}, syscall.UnixRights(fds...), nil)
	return err
}

// Receive waits for the next message. It returns io.EOF when the other side has
// ended.
func (l *Line) Receive(into func(kind string) any) (kind string, files []*os.File, err error) {
	defer func() {
		if err != nil {
			for _, f := range files {
				_ = f.Close()
			}
			files = nil
		}
	}()
	var head [8]byte
	if _, err := io.ReadFull(l.c, head[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return "", nil, io.EOF
		}
		return "", nil, fmt.Errorf("receive: %w", err)
	}
	size, n := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
	if size > maxText || n > maxFiles {
		return "", nil, errors.New("receive: too large: the other side speaks another language")
	}
	for len(files) < int(n) {
		some, err := l.receiveFiles()
		files = append(files, some...)
		if err != nil {
			return "", files, fmt.Errorf("receive: %w", err)
		}
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(l.c, text); err != nil {
		return "", files, fmt.Errorf("receive: %w", err)
	}
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		return "", files, fmt.Errorf("receive: %w", err)
	}
	if body := into(m.Kind); body != nil {
		if err := json.Unmarshal(m.Body, body); err != nil {
			return m.Kind, files, fmt.Errorf("receive %s: %w", m.Kind, err)
		}
	}
	return m.Kind, files, nil
}

func (l *Line) receiveFiles() (files []*os.File, err error) {
	var one [1]byte
	rights := make([]byte, syscall.CmsgSpace(4*atOnce))
	n, oob, flags, _, err := l.c.ReadMsgUnix(one[:], rights)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	list, err := syscall.ParseSocketControlMessage(rights[:oob])
	if err != nil {
		return nil, err
	}
	for i := range list {
		fds, err := syscall.ParseUnixRights(&list[i])
		if err != nil {
			return files, err
		}
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "handover"))
		}
	}
	if flags&syscall.MSG_CTRUNC != 0 || len(files) != int(one[0]) {
		return files, errors.New("files were lost on the way: no descriptors are left")
	}
	return files, nil
}
