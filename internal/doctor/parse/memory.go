package parse

import (
	"math"
	"strconv"
	"strings"
)

// Meminfo reads /proc/meminfo into bytes. A line without a unit is a count and
// stays one (HugePages_Total).
func Meminfo(b []byte) (map[string]uint64, error) {
	sizes := map[string]uint64{}
	for line := range lines(b) {
		name, rest, ok := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if !ok || len(fields) == 0 {
			continue
		}
		n, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil {
			continue
		}
		if len(fields) > 1 && strings.EqualFold(fields[1], "kB") {
			if n > math.MaxUint64/1024 {
				continue
			}
			n *= 1024
		}
		sizes[strings.TrimSpace(name)] = n
	}
	if len(sizes) == 0 {
		return nil, nothing("/proc/meminfo")
	}
	return sizes, nil
}

// Pressure is a line of /proc/pressure: the part of the time, in percent, in
// which some or all tasks waited, over 10, 60 and 300 seconds.
type Pressure struct {
	Avg10, Avg60, Avg300 float64
	Total                uint64 // microseconds since boot
}

// Pressures reads /proc/pressure/{cpu,memory,io} by "some" and "full"; the file
// of the CPU has no "full" before Linux 5.13.
func Pressures(b []byte) (map[string]Pressure, error) {
	kinds := map[string]Pressure{}
	for line := range lines(b) {
		fields := strings.Fields(line)
		if fields[0] != "some" && fields[0] != "full" {
			continue
		}
		var p Pressure
		known := 0
		for _, f := range fields[1:] {
			name, value, _ := strings.Cut(f, "=")
			x, err := strconv.ParseFloat(value, 64)
			if err != nil || math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
				continue
			}
			known++
			switch name {
			case "avg10":
				p.Avg10 = x
			case "avg60":
				p.Avg60 = x
			case "avg300":
				p.Avg300 = x
			case "total":
				p.Total, _ = strconv.ParseUint(value, 10, 64)
			}
		}
		if known > 0 {
			kinds[fields[0]] = p
		}
	}
	if len(kinds) == 0 {
		return nil, nothing("pressure")
	}
	return kinds, nil
}

// Beancounter is a resource of an OpenVZ container. Failed counts how often it
// was refused since the container started.
type Beancounter struct {
	Resource                              string
	Held, MaxHeld, Barrier, Limit, Failed uint64
}

// Beancounters reads /proc/user_beancounters, of the first container in it: the
// first row carries the number of the container ("101:") before its resource.
func Beancounters(b []byte) ([]Beancounter, error) {
	var list []Beancounter
	containers := 0
	for line := range lines(b) {
		fields := strings.Fields(line)
		if strings.HasSuffix(fields[0], ":") && fields[0] != "Version:" {
			containers++
			fields = fields[1:]
		}
		if len(fields) < 6 || containers != 1 {
			continue
		}
		c := Beancounter{Resource: fields[0]}
		good := true
		for i, to := range []*uint64{&c.Held, &c.MaxHeld, &c.Barrier, &c.Limit, &c.Failed} {
			n, err := strconv.ParseUint(fields[i+1], 10, 64)
			good = good && err == nil
			*to = n
		}
		if good {
			list = append(list, c)
		}
	}
	if list == nil {
		return nil, nothing("beancounters")
	}
	return list, nil
}

// Swap is a row of /proc/swaps, in bytes.
type Swap struct {
	Name       string
	Size, Used uint64
}

// Swaps reads /proc/swaps; a machine without swap has the headline alone.
func Swaps(b []byte) ([]Swap, error) {
	var list []Swap
	header := false
	for line := range lines(b) {
		fields := strings.Fields(line)
		if fields[0] == "Filename" {
			header = true
			continue
		}
		if len(fields) < 5 {
			continue
		}
		size, err1 := strconv.ParseUint(fields[2], 10, 54)
		used, err2 := strconv.ParseUint(fields[3], 10, 54)
		if err1 == nil && err2 == nil {
			list = append(list, Swap{fields[0], size * 1024, used * 1024})
		}
	}
	if !header && list == nil {
		return nil, nothing("/proc/swaps")
	}
	return list, nil
}
