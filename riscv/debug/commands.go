package debug

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// server executes the packets of one debugger, without the connection.
type server struct {
	guest     *Guest
	lines     *Lines
	registers registerFile
	poll      func() bool // says that the running program shall stop

	last    stop              // the answer to "?"
	breaks  map[uint64]string // breakpoints, and what gdb calls their kind
	watches []watch
	spans   []spanSlot // how far may be run from an address, see span
	limit   uint64     // Instret at which to stop; 0 is never
	notes   []string   // for the debugger's user, before the answer
	trapped uint64     // the address of the ebreak that the program stands at; 0 for none

	extended bool // the debugger stays when the program ends, and may restart it
	over     bool
	gone     bool // the debugger said good-bye
}

// Answers that several packets have.
var (
	replyOK    = []byte("OK")
	replyNone  = []byte("") // not known here
	replyWrong = []byte("E01")
	replyFault = []byte("E0e") // EFAULT
)

// newServer makes the server of a guest that stands. Without poll the program
// cannot be interrupted.
func newServer(guest *Guest, lines *Lines) *server {
	s := &server{guest: guest, lines: lines, poll: func() bool { return false }}
	s.fresh()
	return s
}

// fresh forgets everything about the program but the breakpoints.
func (s *server) fresh() {
	s.registers = newRegisterFile(s.guest.Machine)
	s.last = stop{signal: sigTrap}
	s.over, s.trapped = false, 0
	if s.breaks == nil {
		s.breaks = map[uint64]string{}
	}
	s.spans = nil
}

// handle executes a packet and returns the answer; nil is none at all, which is
// not the same as an empty one.
func (s *server) handle(packet []byte) []byte {
	if len(packet) == 0 {
		return replyNone
	}
	text := string(packet[1:])
	switch packet[0] {
	case '?':
		return s.answer(s.last)
	case 'g', 'G', 'p', 'P':
		return s.register(packet[0], text)
	case 'm', 'M', 'X':
		return s.memory(packet[0], packet[1:])
	case 'Z', 'z':
		return s.point(packet[0] == 'Z', text)
	case 'c', 's', 'C', 'S':
		return s.oldResume(packet[0], text)
	case 'v':
		return s.verbose(text)
	case 'q', 'Q':
		return s.query(packet[0], text)
	case 'H', 'T':
		return replyOK
	case '!':
		s.extended = true
		return replyOK
	case 'R':
		s.restart(nil)
		return nil
	case 'D':
		s.gone = true
		return replyOK
	case 'k':
		// gdb does not wait for an answer to this one.
		s.gone, s.over = true, true
		return nil
	}
	return replyNone
}

// register serves g and G, all registers, and p and P, one of them.
func (s *server) register(verb byte, text string) []byte {
	r := &s.registers
	switch verb {
	case 'g':
		var b []byte
		for n := range r.count() {
			b = r.appendHex(b, n)
		}
		return b
	case 'G':
		// What a debugger sends too little of stays as it is.
		raw, err := hex.DecodeString(text)
		if err != nil {
			return replyWrong
		}
		for n := 0; n < r.count() && len(raw) >= r.size(n); n++ {
			r.set(n, raw[:r.size(n)])
			raw = raw[r.size(n):]
		}
		return replyOK
	}
	number, value, _ := strings.Cut(text, "=")
	n, err := strconv.ParseUint(number, 16, 16)
	if err != nil || int(n) >= r.count() {
		return replyWrong
	}
	if verb == 'p' {
		return r.appendHex(nil, int(n))
	}
	raw, err := hex.DecodeString(value)
	if err != nil || len(raw) != r.size(int(n)) {
		return replyWrong
	}
	r.set(int(n), raw)
	return replyOK
}

// numbers reads hexadecimal numbers that are separated by commas.
func numbers(text string, v ...*uint64) bool {
	parts := strings.Split(text, ",")
	if len(parts) != len(v) {
		return false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 16, 64)
		if err != nil {
			return false
		}
		*v[i] = n
	}
	return true
}

// memory serves m, reading; M, writing hexadecimal digits; X, writing bytes.
func (s *server) memory(verb byte, rest []byte) []byte {
	where, body, _ := bytes.Cut(rest, []byte(":"))
	var addr, n uint64
	if !numbers(string(where), &addr, &n) {
		return replyWrong
	}
	mem := s.guest.Machine.Mem
	if verb == 'm' {
		n = min(n, maxPacket/2)
		if size := mem.Size(); addr < size {
			n = min(n, size-addr) // what there is of it
		}
		b, err := mem.View(addr, n)
		if err != nil {
			return replyFault
		}
		return hex.AppendEncode(nil, b)
	}
	if verb == 'M' {
		raw, err := hex.DecodeString(string(body))
		if err != nil {
			return replyWrong
		}
		body = raw
	}
	if uint64(len(body)) != n {
		return replyWrong
	}
	if n == 0 {
		return replyOK // gdb asks so whether X is known
	}
	// Code is refused here as it is to the program: gdb takes Z0 for breakpoints.
	if err := mem.Write(addr, body); err != nil {
		return replyFault
	}
	return replyOK
}

// verbose serves the packets that begin with v.
func (s *server) verbose(text string) []byte {
	name, rest, _ := strings.Cut(text, ";")
	switch name {
	case "Cont?":
		return []byte("vCont;c;C;s;S;r")
	case "Cont":
		return s.resume(rest)
	case "Kill":
		s.over = true
		s.gone = !s.extended
		s.last = stop{killed: true, signal: sigKill}
		return replyOK
	case "Run":
		args, err := runArguments(rest)
		if err != nil {
			return replyWrong
		}
		if !s.restart(args) {
			return replyWrong
		}
		return s.answer(s.last)
	}
	return replyNone
}

// runArguments reads the file name, which we know better, and the arguments.
// Without any the program gets those that it had.
func runArguments(text string) (args []string, err error) {
	for i, digits := range strings.Split(text, ";") {
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, err
		}
		if i > 0 && len(b) > 0 {
			args = append(args, string(b))
		}
	}
	return args, nil
}

// restart replaces the guest; false says that this cannot be done.
func (s *server) restart(args []string) bool {
	if s.guest.Restart == nil {
		return false
	}
	again, err := s.guest.Restart(args)
	if err != nil {
		s.note("restart: %v", err)
		return false
	}
	*s.guest = again
	s.fresh()
	return true
}

// note keeps a line for the debugger's user.
func (s *server) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...)+"\n")
}

const features = "PacketSize=4000;QStartNoAckMode+;swbreak+;hwbreak+;vContSupported+;" +
	"qXfer:features:read+;qXfer:auxv:read+;qXfer:exec-file:read+"

// query serves the packets that begin with q and Q.
func (s *server) query(letter byte, text string) []byte {
	end := strings.IndexAny(text, ":,;")
	if end < 0 {
		end = len(text)
	}
	name, rest := text[:end], strings.TrimLeft(text[end:], ":,;")
	switch string(letter) + name {
	case "qSupported":
		return []byte(features)
	case "QStartNoAckMode", "qSymbol":
		return replyOK
	case "qOffsets":
		bias := s.guest.Machine.Program().Bias
		return fmt.Appendf(nil, "Text=%x;Data=%x;Bss=%x", bias, bias, bias)
	case "qAttached":
		return []byte("0") // we started it, and leaving the debugger ends it
	case "qC":
		return []byte("QC1")
	case "qfThreadInfo":
		return []byte("m1")
	case "qsThreadInfo":
		return []byte("l")
	case "qThreadExtraInfo":
		return hex.AppendEncode(nil, []byte("the only hart"))
	case "qXfer":
		return s.transfer(rest)
	case "qRcmd":
		line, err := hex.DecodeString(rest)
		if err != nil {
			return replyWrong
		}
		if out := s.monitor(string(line)); out != "" {
			return hex.AppendEncode(nil, []byte(out))
		}
		return replyOK
	}
	return replyNone
}

// transfer serves qXfer: object:read:annex:offset,length.
func (s *server) transfer(text string) []byte {
	parts := strings.SplitN(text, ":", 4)
	if len(parts) != 4 || parts[1] != "read" {
		return replyNone
	}
	var whole string
	switch parts[0] {
	case "features":
		if parts[2] != "target.xml" {
			return []byte("E00")
		}
		whole = s.registers.targetXML()
	case "auxv":
		whole = string(s.guest.Auxv)
	case "exec-file":
		whole = s.guest.File
	default:
		return replyNone
	}
	var off, n uint64
	if !numbers(parts[3], &off, &n) {
		return replyWrong
	}
	n = min(n, maxPacket/2)
	switch {
	case off >= uint64(len(whole)):
		return []byte("l")
	case n < uint64(len(whole))-off:
		return append([]byte("m"), whole[off:off+n]...)
	}
	return append([]byte("l"), whole[off:]...)
}
