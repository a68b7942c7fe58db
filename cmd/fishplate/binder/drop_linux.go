package binder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"fishplate/internal/model"
)

// Verb is the hidden verb of the helper.
const Verb = "binder"

// lineEnv tells a process where its end of the line is: the descriptor, and after a
// colon the helper's process, when that is its child.
const lineEnv = "FISHPLATE_BINDER"

// highest is the last capability that a kernel may have.
const highest = 63

// Drop runs the program again as the user that the configuration names, in the
// place of this process, when that is root's. It returns when there is nothing to
// give up, or when it cannot be done. Somebody else is warned.
func Drop(c *model.Config, warnings io.Writer) error {
	if c.Process.User == "" {
		return nil
	}
	a, err := find(c.Process.User, c.Process.Group)
	switch {
	case err != nil:
		return fmt.Errorf("give up root: %w", err)
	case os.Geteuid() != 0 && os.Geteuid() != a.uid:
		fmt.Fprintf(warnings, "warning: process.user is %s, and only root can become somebody: the process stays user %d\n", a.name, os.Geteuid())
		return nil
	case os.Geteuid() != 0 || a.uid == 0:
		return nil
	}
	if err = a.endow(c); err == nil {
		err = a.become()
	}
	return fmt.Errorf("give up root for %s: %w", a.name, err)
}

// become does not return, unless it fails.
func (a *account) become() error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	// What this thread gives up the helper has not either, and what is run again
	// has it in no thread. The thread is not unlocked: nobody else is to run on it.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	kept := inheritable()
	for _, fd := range kept { // they are not for the helper
		unix.CloseOnExec(fd)
	}
	narrow(unix.CAP_NET_BIND_SERVICE)
	env := a.environment()
	line, pid, err := a.startHelper(path)
	if err != nil {
		return err
	}
	if line != nil {
		fd := int(line.Fd())
		kept = append(kept, fd)
		env = append(env, fmt.Sprintf("%s=%d:%d", lineEnv, fd, pid))
	}
	narrow(-1)
	if err := errors.Join(os.NewSyscallError("setgroups", syscall.Setgroups(a.groups)), os.NewSyscallError("setgid", syscall.Setresgid(a.gid, a.gid, a.gid)),
		os.NewSyscallError("setuid", syscall.Setresuid(a.uid, a.uid, a.uid))); err != nil {
		return err
	}
	if err := nothingLeft(); err != nil {
		return err
	}
	for _, fd := range kept {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return os.NewSyscallError("fcntl", err)
		}
	}
	err = syscall.Exec(path, os.Args, env)
	runtime.KeepAlive(line)
	return fmt.Errorf("run %s again: %w", path, err)
}

// startHelper starts the helper, which is this user already and has one capability.
// Without that there is none: root may lack it, in a container.
func (a *account) startHelper(path string) (line *os.File, pid int, err error) {
	if has, err := mayBind(); err != nil || !has {
		return nil, 0, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, 0, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "binder"), os.NewFile(uintptr(pair[1]), "binder")
	defer theirs.Close()
	groups := make([]uint32, len(a.groups))
	for i, g := range a.groups {
		groups[i] = uint32(g)
	}
	helper := exec.Cmd{
		Path: path, Args: []string{os.Args[0], Verb}, Dir: "/", ExtraFiles: []*os.File{theirs}, Env: []string{"GOMAXPROCS=1"},
		SysProcAttr: &syscall.SysProcAttr{
			Setsid:      true,
			Credential:  &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid), Groups: groups},
			AmbientCaps: []uintptr{unix.CAP_NET_BIND_SERVICE},
		},
	}
	if err := helper.Start(); err != nil {
		_ = ours.Close()
		return nil, 0, fmt.Errorf("start the helper: %w", err)
	}
	return ours, helper.Process.Pid, nil
}

// mayBind reports whether this thread has what the helper is to have.
func mayBind() (bool, error) {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return false, os.NewSyscallError("capget", err)
	}
	return data[0].Permitted&(1<<unix.CAP_NET_BIND_SERVICE) != 0, nil
}

// narrow takes from the thread what a program that it runs could ever get, but for
// one capability. Where even root may not do that, no_new_privs alone must.
func narrow(but int) {
	for c := range highest + 1 {
		if c != but {
			_ = unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0)
		}
	}
}

// nothingLeft clears what the thread could hand on, and fails when it is not what
// it should have become.
func nothingLeft() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capset(&head, &data[0]); err != nil {
		return os.NewSyscallError("capset", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if unix.Setuid(0) == nil {
		return errors.New("root can be had again")
	}
	return nil
}

// inheritable lists the descriptors that a program would get, but for the first
// three: those that a service manager or a shell passed.
func inheritable() (fds []int) {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	for _, e := range list {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd < 3 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			fds = append(fds, fd)
		}
	}
	return fds
}

// environment is that of this process with the places of another user.
func (a *account) environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "XDG_") || slices.Contains([]string{"HOME", "USER", "LOGNAME", "MAIL", lineEnv}, name)
	})
	return append(env, "HOME="+a.home, "USER="+a.name, "LOGNAME="+a.name)
}
