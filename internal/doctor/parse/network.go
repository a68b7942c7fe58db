package parse

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
)

// Counters are the counters of /proc/net/netstat or /proc/net/snmp by
// "Group.Name", for example "TcpExt.ListenOverflows". What a kernel does not
// count is not there; neither is what is negative (Tcp.MaxConn is -1).
type Counters map[string]uint64

// NetCounters reads /proc/net/netstat and /proc/net/snmp: pairs of lines, the
// first naming the columns of the second. A line of values that has fewer or
// more columns than its names is read as far as both go.
func NetCounters(b []byte) (Counters, error) {
	counters := Counters{}
	var group string
	var names []string
	for line := range lines(b) {
		head, rest, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		fields := strings.Fields(rest)
		if head != group || names == nil {
			group, names = head, fields
			continue
		}
		for i, name := range names {
			if i >= len(fields) {
				break
			}
			if n, err := strconv.ParseUint(fields[i], 10, 64); err == nil {
				counters[group+"."+name] = n
			}
		}
		names = nil
	}
	if len(counters) == 0 {
		return nil, nothing("network counters")
	}
	return counters, nil
}

// Softnet is a row of /proc/net/softnet_stat, one for each CPU that is online.
type Softnet struct {
	CPU                                   int // the row's number where the kernel does not say (before 5.10)
	Processed, Dropped, Squeezed          uint64
	ReceivedRPS, FlowLimited, BacklogSize uint64
	Columns                               int // 9, 10, 11, 13 or 15; what lies behind them is 0
}

// SoftnetStat reads /proc/net/softnet_stat, hexadecimal columns whose number
// grew over time.
func SoftnetStat(b []byte) ([]Softnet, error) {
	var rows []Softnet
	for line := range lines(b) {
		row := Softnet{CPU: len(rows)}
		fields := strings.Fields(line)
		for i, f := range fields {
			n, err := strconv.ParseUint(f, 16, 64)
			if err != nil {
				break
			}
			row.Columns = i + 1
			switch i {
			case 0:
				row.Processed = n
			case 1:
				row.Dropped = n
			case 2:
				row.Squeezed = n
			case 9:
				row.ReceivedRPS = n
			case 10:
				row.FlowLimited = n
			case 11:
				row.BacklogSize = n
			case 12:
				if n < maxCPUs {
					row.CPU = int(n)
				}
			}
		}
		if row.Columns >= 3 {
			rows = append(rows, row)
		}
	}
	if rows == nil {
		return nil, nothing("softnet_stat")
	}
	return rows, nil
}

// ConntrackStat reads /proc/net/stat/nf_conntrack: a line of names and a line
// of hexadecimal values for each CPU, of which it returns the sums. "entries",
// which every CPU repeats, is that of the first.
func ConntrackStat(b []byte) (map[string]uint64, error) {
	var names []string
	sums := map[string]uint64{}
	rows := 0
	for line := range lines(b) {
		fields := strings.Fields(line)
		if names == nil {
			names = fields
			continue
		}
		understood := false
		for i, name := range names {
			if i >= len(fields) {
				break
			}
			n, err := strconv.ParseUint(fields[i], 16, 64)
			if err != nil {
				break
			}
			understood = true
			if name != "entries" || rows == 0 {
				sums[name] += n
			}
		}
		if understood {
			rows++
		}
	}
	if rows == 0 {
		return nil, nothing("conntrack statistics")
	}
	return sums, nil
}

// Sockstat reads /proc/net/sockstat and sockstat6 by "TCP.inuse", "TCP.tw",
// "TCP.orphan", "TCP.mem" (pages of memory), "sockets.used".
func Sockstat(b []byte) (map[string]uint64, error) {
	values := map[string]uint64{}
	for line := range lines(b) {
		head, rest, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		fields := strings.Fields(rest)
		for i := 0; i+1 < len(fields); i += 2 {
			if n, err := strconv.ParseUint(fields[i+1], 10, 64); err == nil {
				values[head+"."+fields[i]] = n
			}
		}
	}
	if len(values) == 0 {
		return nil, nothing("sockstat")
	}
	return values, nil
}

// Route is a row of /proc/net/route.
type Route struct {
	Interface   string
	Destination netip.Prefix
	Gateway     netip.Addr // 0.0.0.0 for what is on the link
	MTU         int        // 0 when the route has none of its own
	Up          bool
}

// Default reports whether it leads to everywhere.
func (r Route) Default() bool { return r.Up && r.Destination.Bits() == 0 }

// Routes reads /proc/net/route: IPv4, addresses in hexadecimal in the order of
// the bytes of the machine, which is little-endian wherever Fishplate runs.
func Routes(b []byte) ([]Route, error) {
	var routes []Route
	header := false
	for line := range lines(b) {
		fields := strings.Fields(line)
		if fields[0] == "Iface" {
			header = true
			continue
		}
		if len(fields) < 8 {
			continue
		}
		to, ok1 := address(fields[1])
		gateway, ok2 := address(fields[2])
		mask, ok3 := address(fields[7])
		flags, err := strconv.ParseUint(fields[3], 16, 32)
		if !ok1 || !ok2 || !ok3 || err != nil {
			continue
		}
		r := Route{Interface: fields[0], Gateway: gateway, Up: flags&1 == 1}
		r.Destination = netip.PrefixFrom(to, ones(mask))
		if len(fields) > 8 {
			r.MTU, _ = strconv.Atoi(fields[8]) // 0 is "none of its own"
		}
		routes = append(routes, r)
	}
	if !header && routes == nil {
		return nil, nothing("routes")
	}
	return routes, nil
}

func address(s string) (netip.Addr, bool) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte{raw[3], raw[2], raw[1], raw[0]}), true
}

// ones counts the leading ones of a mask.
func ones(mask netip.Addr) int {
	n := 0
	for _, b := range mask.As4() {
		for ; b&0x80 != 0; b <<= 1 {
			n++
		}
		if n%8 != 0 {
			break
		}
	}
	return n
}

// Device is a row of /proc/net/dev: packets and what was lost of them.
type Device struct {
	Name                                string
	RxPackets, RxErrors, RxDrop, RxFIFO uint64
	TxPackets, TxErrors, TxDrop, TxFIFO uint64
}

// NetDevices reads /proc/net/dev. Old kernels print the first number directly
// behind the colon.
func NetDevices(b []byte) ([]Device, error) {
	var list []Device
	header := false
	for line := range lines(b) {
		if strings.Contains(line, "|") {
			header = true
			continue
		}
		name, rest, ok := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if !ok || len(fields) < 16 {
			continue
		}
		d := Device{Name: strings.TrimSpace(name)}
		good := true
		for column, to := range map[int]*uint64{
			1: &d.RxPackets, 2: &d.RxErrors, 3: &d.RxDrop, 4: &d.RxFIFO,
			9: &d.TxPackets, 10: &d.TxErrors, 11: &d.TxDrop, 12: &d.TxFIFO,
		} {
			n, err := strconv.ParseUint(fields[column], 10, 64)
			good = good && err == nil
			*to = n
		}
		if good {
			list = append(list, d)
		}
	}
	if !header && list == nil {
		return nil, nothing("/proc/net/dev")
	}
	return list, nil
}

// Socket is a row of /proc/net/tcp or tcp6.
type Socket struct {
	Local     netip.AddrPort
	State     int // 10 is LISTEN
	Queued    uint64
	UID       uint64
	Inode     uint64
	Listening bool
}

// Sockets reads /proc/net/tcp and tcp6. The queue of a listener is how many
// connections wait for accept.
func Sockets(b []byte) ([]Socket, error) {
	var list []Socket
	header := false
	for line := range lines(b) {
		fields := strings.Fields(line)
		if fields[0] == "sl" {
			header = true
			continue
		}
		if len(fields) < 10 {
			continue
		}
		local, ok := endpoint(fields[1])
		state, err := strconv.ParseUint(fields[3], 16, 8)
		_, queue, cut := strings.Cut(fields[4], ":")
		if !ok || err != nil || !cut {
			continue
		}
		s := Socket{Local: local, State: int(state), Listening: state == 10}
		if s.Queued, err = strconv.ParseUint(queue, 16, 64); err != nil {
			continue
		}
		if s.UID, err = strconv.ParseUint(fields[7], 10, 64); err != nil {
			continue
		}
		if s.Inode, err = strconv.ParseUint(fields[9], 10, 64); err != nil {
			continue
		}
		list = append(list, s)
	}
	if !header && list == nil {
		return nil, nothing("table of sockets")
	}
	return list, nil
}

// endpoint reads "0100007F:1F90", words of 32 bits in the order of the machine.
func endpoint(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	number, portErr := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || portErr != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		raw[i], raw[i+1], raw[i+2], raw[i+3] = raw[i+3], raw[i+2], raw[i+1], raw[i]
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), true
}
