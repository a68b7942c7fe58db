package linux

import (
	"fmt"
	"sort"

	"fishplate/riscv/memory"
)

const memoryLimit = memory.Limit

// args are the six arguments of a call; on RV32 each is zero-extended.
type args [6]uint64

func (a *args) int(i int) int { return int(int32(a[i])) }

// row describes one system call. A call exists on RV64, on RV32, or on both.
type row struct {
	number uint64
	only   uint8 // XLEN that has it; 0 is both
	name   string
	args   string // names, separated by spaces
	serve  func(p *Process, a *args) int64
	doc    string
}

// lookup finds a call by its number.
func lookup(n uint64, word int) *row {
	xlen := uint8(8 * word)
	i := sort.Search(len(calls), func(i int) bool { return calls[i].number >= n })
	for ; i < len(calls) && calls[i].number == n; i++ {
		if calls[i].only == 0 || calls[i].only == xlen {
			return &calls[i]
		}
	}
	return nil
}

// calls is the table, in order of number.
var calls = []row{
	{29, 0, "ioctl", "fd request arg", func(*Process, *args) int64 { return -int64(ENOTTY) }, "no stream is a terminal"},
	{57, 0, "close", "fd", (*Process).close, ""},
	{62, 64, "lseek", "fd offset whence", func(*Process, *args) int64 { return -int64(ESPIPE) }, ""},
	{63, 0, "read", "fd buf count", (*Process).read, ""},
	{64, 0, "write", "fd buf count", (*Process).write, ""},
	{66, 0, "writev", "fd iov iovcnt", (*Process).writev, ""},
	{78, 0, "readlinkat", "dirfd path buf size", func(*Process, *args) int64 { return -int64(ENOENT) }, ""},
	{80, 0, "fstat", "fd buf", (*Process).fstat, ""},
	{93, 0, "exit", "code", (*Process).exit, ""},
	{94, 0, "exit_group", "code", (*Process).exit, ""},
	{96, 0, "set_tid_address", "tidptr", (*Process).setTIDAddress, ""},
	{99, 0, "set_robust_list", "head size", zero, ""},
	{113, 64, "clock_gettime", "clock time", (*Process).clockGettime, ""},
	{134, 0, "rt_sigaction", "signal new old size", zero, ""},
	{135, 0, "rt_sigprocmask", "how new old size", zero, ""},
	{160, 0, "uname", "buf", (*Process).uname, ""},
	{172, 0, "getpid", "", one, ""},
	{178, 0, "gettid", "", one, ""},
	{214, 0, "brk", "addr", (*Process).brk, ""},
	{215, 0, "munmap", "addr size", (*Process).munmap, ""},
	{222, 0, "mmap", "addr size prot flags fd offset", (*Process).mmap, ""},
	{226, 0, "mprotect", "addr size prot", (*Process).mprotect, ""},
	{278, 0, "getrandom", "buf size flags", (*Process).getrandom, ""},
}

func zero(*Process, *args) int64 { return 0 }
func one(*Process, *args) int64  { return 1 }

// trace writes one line about a call that was served.
func (p *Process) trace(n uint64, r *row, a *args, result int64) {
	if p.config.Trace == nil {
		return
	}
	if r == nil {
		fmt.Fprintf(p.config.Trace, "call %d(%#x, %#x, %#x) = %d (unknown)\n", n, a[0], a[1], a[2], result)
		return
	}
	fmt.Fprintf(p.config.Trace, "%s(%#x, %#x, %#x) = %d\n", r.name, a[0], a[1], a[2], result)
}
