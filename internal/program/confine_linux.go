package program

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What Landlock can withhold (landlock(7)), in the order of its versions. That a
// file is a program's code is not asked: who may read it may run it.
const (
	mayRead  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	mayWrite = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_MAKE_SYM
	since2  = unix.LANDLOCK_ACCESS_FS_REFER
	since3  = unix.LANDLOCK_ACCESS_FS_TRUNCATE
	since5  = unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	since6  = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	ofFiles = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | since3 | since5
)

// together makes a command the head of a group of processes that is ended as
// one: a driver's compilers do not outlive it, nor it this process.
func together(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// confined runs a command from a thread that has given up what is not in the
// room; the command inherits that. The thread ends with the run: nothing else
// of this process is ever on it.
func (at room) confined(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := at.enter()
		if err == nil {
			err = cmd.Run()
		}
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left; mostly there is nothing
		}
		done <- err
	}()
	return <-done
}

// enter restricts the calling thread. A kernel without Landlock restricts
// nothing, which is not an error.
func (at room) enter() error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return nil
	}
	rules := unix.LandlockRulesetAttr{Handled_access_fs: mayRead | mayWrite}
	for _, v := range []struct {
		from   uintptr
		rights uint64
	}{{2, since2}, {3, since3}, {5, since5}} {
		if version >= v.from {
			rules.Handled_access_fs |= v.rights
		}
	}
	if version >= 6 {
		rules.Scoped = since6
	}
	set, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), unsafe.Sizeof(rules), 0)
	if errno != 0 {
		return fmt.Errorf("confine compiler: %w", errno)
	}
	defer func() { _ = unix.Close(int(set)) }()
	for _, path := range at.reads {
		if err := permit(int(set), path, mayRead&rules.Handled_access_fs); err != nil {
			return err
		}
	}
	for _, path := range at.writes {
		if err := permit(int(set), path, rules.Handled_access_fs); err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("confine compiler: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0); errno != 0 {
		return fmt.Errorf("confine compiler: %w", errno)
	}
	return nil
}

// permit adds what may be done below a path. What is not there needs no rule.
func permit(set int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EACCES) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("confine compiler: open %s: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("confine compiler: stat %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= ofFiles
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(set), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return fmt.Errorf("confine compiler to %s: %w", path, errno)
	}
	return nil
}

// limited puts a shell before a command, which bounds what each process may take
// and becomes the command. A bound that the machine has lower already stays.
func (b bounds) limited(args []string) []string {
	script := fmt.Sprintf(`for l in "c 0" "f %d" "d %d" "t %d"; do ulimit -${l%% *} ${l#* } 2>/dev/null; done; exec "$@"`,
		b.file>>9, b.memory>>10, int(b.cpu.Seconds()))
	return append([]string{"/bin/sh", "-c", script, "sh"}, args...)
}
