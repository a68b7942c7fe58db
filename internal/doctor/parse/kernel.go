package parse

import (
	"strconv"
	"strings"
)

// Version is a kernel's version. Fields that are not said are 0.
type Version struct{ Major, Minor, Patch int }

// AtLeast reports whether it is major.minor or later.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// String returns "6.18.44", and "6.18" when the patch is not said.
func (v Version) String() string {
	s := strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor)
	if v.Patch > 0 {
		s += "." + strconv.Itoa(v.Patch)
	}
	return s
}

// Release reads /proc/sys/kernel/osrelease or uname -r: "6.18.44",
// "5.15.153.1-microsoft-standard-WSL2", "2.6.32-042stab145.3", "6.12-rc3".
func Release(b []byte) (Version, error) {
	word := Word(b)
	var v Version
	rest := word
	for i, to := range []*int{&v.Major, &v.Minor, &v.Patch} {
		end := 0
		for end < len(rest) && end < 6 && rest[end] >= '0' && rest[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(rest[:end])
		if err != nil {
			if i < 2 {
				return Version{}, bad("kernel release", word, "a version")
			}
			break
		}
		*to, rest = n, rest[end:]
		if !strings.HasPrefix(rest, ".") {
			if i == 0 {
				return Version{}, bad("kernel release", word, "a version")
			}
			break
		}
		rest = rest[1:]
	}
	return v, nil
}

// Cmdline reads /proc/cmdline into its parameters in order; a value may be
// quoted to hold blanks. A parameter without "=" has the value "".
func Cmdline(b []byte) []Parameter {
	var list []Parameter
	var word strings.Builder
	inside := false
	end := func() {
		if word.Len() > 0 {
			name, value, _ := strings.Cut(word.String(), "=")
			list = append(list, Parameter{name, value})
			word.Reset()
		}
	}
	for _, c := range strings.Trim(string(b), "\x00\r\n") {
		switch {
		case c == '"':
			inside = !inside
		case !inside && (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0):
			end()
		default:
			word.WriteRune(c)
		}
	}
	end()
	return list
}

// Parameter is one of the kernel's command line.
type Parameter struct{ Name, Value string }

// Limits reads /proc/PID/limits: soft and hard limit by the name of the row
// ("Max open files"); Unlimited for none.
func Limits(b []byte) (map[string][2]uint64, error) {
	limits := map[string][2]uint64{}
	for line := range lines(b) {
		// The name is words with one blank between; the columns are wider apart,
		// but a long name touches them, so read from the first number.
		fields := strings.Fields(line)
		for i := 1; i+1 < len(fields); i++ {
			soft, err1 := Limit([]byte(fields[i]))
			hard, err2 := Limit([]byte(fields[i+1]))
			if err1 == nil && err2 == nil {
				limits[strings.Join(fields[:i], " ")] = [2]uint64{soft, hard}
				break
			}
		}
	}
	if len(limits) == 0 {
		return nil, nothing("limits")
	}
	return limits, nil
}

// XenFeatures reads /sys/hypervisor/properties/features, hexadecimal without
// 0x. Bit 11 is dom0.
func XenFeatures(b []byte) (uint64, error) {
	word := Word(b)
	n, err := hexadecimal(word)
	if err != nil {
		return 0, bad("Xen features", word, "a hexadecimal number")
	}
	return n, nil
}

// XenDom0 is the bit of XenFeatures that only the first domain has.
const XenDom0 = 1 << 11

// SMBIOSVirtual reads /sys/firmware/dmi/entries/0-0/raw, the BIOS table, and
// returns its virtual-machine bit. ok is false when the table is too short to
// have it.
func SMBIOSVirtual(b []byte) (virtual, ok bool) {
	if len(b) < 20 || b[1] < 20 {
		return false, false
	}
	return b[19]&0x10 != 0, true
}

// Environ reads /proc/PID/environ, strings that end with NUL. The later of two
// equal names does not count, as in the C library.
func Environ(b []byte) map[string]string {
	vars := map[string]string{}
	for entry := range strings.SplitSeq(string(b), "\x00") {
		name, value, ok := strings.Cut(entry, "=")
		if _, twice := vars[name]; ok && name != "" && !twice {
			vars[name] = strings.TrimRight(value, "\r\n")
		}
	}
	return vars
}

// IDMap is a row of /proc/PID/uid_map.
type IDMap struct{ Inside, Outside, Count uint64 }

// IDMaps reads /proc/PID/uid_map and gid_map.
func IDMaps(b []byte) ([]IDMap, error) {
	var list []IDMap
	for line := range lines(b) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		inside, err1 := strconv.ParseUint(f[0], 10, 32)
		outside, err2 := strconv.ParseUint(f[1], 10, 32)
		count, err3 := strconv.ParseUint(f[2], 10, 64)
		if err1 == nil && err2 == nil && err3 == nil {
			list = append(list, IDMap{inside, outside, count})
		}
	}
	if list == nil {
		return nil, nothing("map of ids")
	}
	return list, nil
}

// WholeIDMap reports whether a map is that of the first user namespace: every
// number stands for itself.
func WholeIDMap(list []IDMap) bool {
	return len(list) == 1 && list[0] == IDMap{0, 0, 4294967295}
}

// Capabilities reads the hexadecimal set of CapEff and its like in
// /proc/PID/status.
func Capabilities(text string) (uint64, error) {
	n, err := hexadecimal(strings.TrimSpace(text))
	if err != nil {
		return 0, bad("capabilities", text, "a hexadecimal set")
	}
	return n, nil
}

// Message is a record of /dev/kmsg or a line of dmesg.
type Message struct {
	Level   int    // 0 emergency to 7 debug; -1 when it is not said
	Micros  uint64 // since boot
	Text    string
	Printed bool // the kernel's own, not a program's
}

// KernelLog reads records of /dev/kmsg ("6,339,5140900,-;text") and lines of
// dmesg ("[    5.140900] text", with "<6>" before it in syslog(2)). Continuation lines (" KEY=value") are left out.
func KernelLog(b []byte) []Message {
	var list []Message
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n\x00")
		if line == "" || line[0] == ' ' {
			continue
		}
		if head, text, ok := strings.Cut(line, ";"); ok {
			if m, ok := record(head); ok {
				m.Text = text
				list = append(list, m)
				continue
			}
		}
		m := Message{Level: -1, Printed: true}
		if number, text, ok := strings.Cut(line, ">"); ok && strings.HasPrefix(number, "<") {
			if priority, err := strconv.ParseUint(number[1:], 10, 16); err == nil {
				m.Level, m.Printed, line = int(priority&7), priority>>3 == 0, text
			}
		}
		m.Text = line
		if stamp, text, ok := strings.Cut(line, "] "); ok && strings.HasPrefix(stamp, "[") {
			if seconds, err := strconv.ParseFloat(strings.TrimSpace(stamp[1:]), 64); err == nil && seconds >= 0 && seconds < 1e12 {
				m.Micros, m.Text = uint64(seconds*1e6), text
			}
		}
		list = append(list, m)
	}
	return list
}

// record reads "priority,sequence,microseconds,flags".
func record(head string) (Message, bool) {
	f := strings.Split(head, ",")
	if len(f) < 4 {
		return Message{}, false
	}
	priority, err1 := strconv.ParseUint(f[0], 10, 16)
	micros, err2 := strconv.ParseUint(f[2], 10, 64)
	if err1 != nil || err2 != nil {
		return Message{}, false
	}
	return Message{Level: int(priority & 7), Micros: micros, Printed: priority>>3 == 0}, true
}

// KernelConfig reads the options of a kernel's configuration, as in /boot or
// decompressed from /proc/config.gz, by name without CONFIG_: "y", "m", "1000",
// text without its quotes. What is "not set" is not there.
func KernelConfig(b []byte) map[string]string {
	options := map[string]string{}
	for line := range lines(b) {
		if rest, ok := strings.CutPrefix(line, "CONFIG_"); ok {
			if name, value, ok := strings.Cut(rest, "="); ok && name != "" {
				options[name] = strings.Trim(value, `"`)
			}
		}
	}
	return options
}
