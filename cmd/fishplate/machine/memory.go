package machine

import (
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// Memory finds the smallest bound on memory that the machine below root sets:
// its own, and those of the control groups that the process is in.
func Memory(root string) (least int64, of string) {
	if n, ok := physical(root, "MemTotal:"); ok && n > 0 {
		least, of = n, "the machine has"
	}
	for _, g := range groups(root) {
		if g.most > 0 && (least == 0 || g.most < least) {
			least, of = g.most, "the control group of the process has"
		}
	}
	return least, of
}

// Spare says how much memory the machine below root has to spare: of its own, and
// of what the control groups allow that the process is in.
func Spare(root string) int64 {
	least := int64(math.MaxInt64)
	if n, ok := physical(root, "MemAvailable:"); ok {
		least = n
	}
	for _, g := range groups(root) {
		if g.most > 0 {
			least = min(least, max(g.most-g.used, 0))
		}
	}
	return least
}

// physical reads a line of what the kernel says of the machine's memory, in bytes.
func physical(root, name string) (n int64, ok bool) {
	text, err := os.ReadFile(path.Join(root, "proc/meminfo"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, name); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err == nil
		}
	}
	return 0, false
}

// group is what a control group says of memory, in bytes; 0 is no bound, or what
// cannot be known.
type group struct{ most, used int64 }

func groups(root string) (list []group) {
	for _, f := range folders(root, "memory") {
		most, used := "memory.max", "memory.current"
		if f.first {
			most, used = "memory.limit_in_bytes", "memory.usage_in_bytes"
		}
		list = append(list, group{number(path.Join(f.path, most)), number(path.Join(f.path, used))})
	}
	return list
}

// number reads a file with one; "max" is 0, which is no bound.
func number(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
