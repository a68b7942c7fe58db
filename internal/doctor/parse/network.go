package parse

import (
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
