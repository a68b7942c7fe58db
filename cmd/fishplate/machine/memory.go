package machine

import (
	"bufio"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// Memory finds the smallest bound on memory that the machine below root sets:
// its own, and those of the control groups that the process is in.
func Memory(root string) (least int64, of string) {
	bound := func(n int64, what string) {
		if n > 0 && (least == 0 || n < least) {
			least, of = n, what
		}
	}
	if text, err := os.ReadFile(path.Join(root, "proc/meminfo")); err == nil {
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
				kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				bound(kib<<10, "the machine has")
			}
		}
	}
	file, err := os.Open(path.Join(root, "proc/self/cgroup"))
	if err != nil {
		return least, of
	}
	defer file.Close()
	for in := bufio.NewScanner(file); in.Scan(); {
		_, rest, _ := strings.Cut(in.Text(), ":")
		kinds, group, _ := strings.Cut(rest, ":")
		at, name := "sys/fs/cgroup", "memory.max"
		if kinds == "memory" {
			at, name = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if kinds != "" {
			continue
		}
		for ; ; group = path.Dir(group) {
			if text, err := os.ReadFile(path.Join(root, at, group, name)); err == nil {
				n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" is none
				bound(n, "the control group of the process has")
			}
			if group == "/" || group == "." {
				break
			}
		}
	}
	return least, of
}

// Spare says how much memory the machine below root has to spare: of its own, and
// of what the control groups allow that the process is in.
func Spare(root string) int64 {
	least := int64(math.MaxInt64)
	number := func(name string) (int64, bool) {
		text, err := os.ReadFile(path.Join(root, name))
		n, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" is none
		return n, err == nil && bad == nil
	}
	if text, err := os.ReadFile(path.Join(root, "proc/meminfo")); err == nil {
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
				kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				least = min(least, kib<<10)
			}
		}
	}
	file, err := os.Open(path.Join(root, "proc/self/cgroup"))
	if err != nil {
		return least
	}
	defer file.Close()
	for in := bufio.NewScanner(file); in.Scan(); {
		group, ok := strings.CutPrefix(in.Text(), "0::")
		for ; ok && group != "/" && group != "."; group = path.Dir(group) {
			most, bounded := number(path.Join("sys/fs/cgroup", group, "memory.max"))
			used, known := number(path.Join("sys/fs/cgroup", group, "memory.current"))
			if bounded && known {
				least = min(least, max(most-used, 0))
			}
		}
	}
	return least
}
