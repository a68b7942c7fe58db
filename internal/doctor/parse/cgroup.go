package parse

import (
	"strconv"
	"strings"
)

// Cgroup is where a process stands: its path in the unified hierarchy (v2) and
// in the hierarchies of v1 by controller. Both are there on a hybrid machine.
type Cgroup struct {
	Unified string            // "" when there is no v2 hierarchy
	Paths   map[string]string // "cpu" → "/docker/1f…"; named ones as "name=systemd"
}

// Path is the path of a controller: that of v1 when v1 has the controller, else
// the unified one.
func (c Cgroup) Path(controller string) (path string, v1 bool) {
	if p, ok := c.Paths[controller]; ok {
		return p, true
	}
	return c.Unified, false
}

// Cgroups reads /proc/PID/cgroup. A path may hold colons.
func Cgroups(b []byte) (Cgroup, error) {
	c := Cgroup{Paths: map[string]string{}}
	for line := range lines(b) {
		number, rest, ok1 := strings.Cut(line, ":")
		controllers, path, ok2 := strings.Cut(rest, ":")
		if _, err := strconv.ParseUint(number, 10, 32); err != nil || !ok1 || !ok2 || !strings.HasPrefix(path, "/") {
			continue
		}
		if controllers == "" {
			c.Unified = path
			continue
		}
		for name := range strings.SplitSeq(controllers, ",") {
			c.Paths[name] = path
		}
	}
	if c.Unified == "" && len(c.Paths) == 0 {
		return Cgroup{}, nothing("cgroup paths")
	}
	return c, nil
}

// CPUMax reads cpu.max, "150000 100000", into CPUs (1.5); 0 means no limit
// ("max 100000").
func CPUMax(b []byte) (float64, error) {
	fields := strings.Fields(Word(b))
	if len(fields) > 0 && fields[0] == "max" {
		return 0, nil
	}
	period := "100000"
	if len(fields) > 1 {
		period = fields[1]
	}
	if len(fields) == 0 {
		return 0, nothing("cpu.max")
	}
	q, err1 := strconv.ParseUint(fields[0], 10, 63)
	p, err2 := strconv.ParseUint(period, 10, 63)
	if err1 != nil || err2 != nil || p == 0 || q == 0 {
		return 0, bad("cpu.max", Word(b), "a quota and a period in microseconds")
	}
	return float64(q) / float64(p), nil
}

// Quota reads cpu.cfs_quota_us and cpu.cfs_period_us of cgroup v1 into CPUs; 0
// means no limit (-1).
func Quota(quota, period []byte) (float64, error) {
	q, err := Number(quota)
	if err != nil {
		return 0, err
	}
	if q < 0 {
		return 0, nil
	}
	p, err := Number(period)
	if err != nil {
		return 0, err
	}
	if p <= 0 || q == 0 {
		return 0, bad("quota", Word(quota)+" of "+Word(period), "a part of a period")
	}
	return float64(q) / float64(p), nil
}

// Mount is a row of /proc/self/mountinfo.
type Mount struct {
	Root, Point, Type, Source string
	Options                   string // of the mount
	Super                     string // of the file system
}

// Mounts reads /proc/self/mountinfo. Blanks in paths are written as \040; the
// optional fields before " - " vary in number.
func Mounts(b []byte) ([]Mount, error) {
	var list []Mount
	for line := range lines(b) {
		head, tail, ok := strings.Cut(line, " - ")
		h, t := strings.Fields(head), strings.Fields(tail)
		if !ok || len(h) < 6 || len(t) < 2 {
			continue
		}
		m := Mount{Root: unescape(h[3]), Point: unescape(h[4]), Options: h[5], Type: t[0], Source: unescape(t[1])}
		if len(t) > 2 {
			m.Super = t[2]
		}
		list = append(list, m)
	}
	if list == nil {
		return nil, nothing("mounts")
	}
	return list, nil
}

// unescape turns \040 and its like into the bytes they stand for.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out = append(out, byte(n))
				i += 3
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}
