package debug

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"fishplate/riscv/isa"
)

// newTestServer stands at the beginning of shop.c.
func newTestServer(t testing.TB, xlen int, args ...string) *server {
	t.Helper()
	program, lines := load(t, build(t, xlen, "shop.c", "-g", "-O0"))
	var out strings.Builder
	guest := Linux(start(t, program, &out, args...))
	guest.File = "/somewhere/program"
	guest.Machine.Instret = 0 // without what filling the stack was charged
	return newServer(&guest, lines)
}

func (s *server) addr(t testing.TB, name string) uint64 {
	t.Helper()
	addr, ok := s.guest.Machine.Program().Lookup(name)
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	return addr
}

func TestCommands(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		t.Run(fmt.Sprintf("RV%d", xlen), func(t *testing.T) {
			s := newTestServer(t, xlen)
			total := s.addr(t, "total")
			digits := xlen / 4
			one := "01" + strings.Repeat("0", digits-2)
			negative := strings.Repeat("f", digits)
			tests := []struct{ packet, want string }{
				{"", ""},
				{"nonsense", ""},
				{"vMustReplyEmpty", ""},
				{"qSupported:multiprocess+;swbreak+", features},
				{"qSymbol::", "OK"},
				{"qC", "QC1"},
				{"qOffsets", "Text=0;Data=0;Bss=0"},
				{"qAttached", "0"},
				{"qfThreadInfo", "m1"},
				{"qsThreadInfo", "l"},
				{"Hg0", "OK"},
				{"T1", "OK"},
				{"p0", strings.Repeat("0", digits)},
				{"Pa=" + one, "OK"},
				{"pa", one},
				{"Pb=" + negative, "OK"},
				{"pb", negative},
				{"P0=" + one, "OK"},
				{"p0", strings.Repeat("0", digits)}, // x0 stays
				{"P21=000000000000f03f", "OK"},      // f0
				{"p21", "000000000000f03f"},
				{"P43=ff000000", "OK"}, // fcsr
				{"p41", "1f000000"},    // fflags
				{"p42", "07000000"},    // frm
				{"P41=00000000", "OK"},
				{"P42=00000000", "OK"},
				{"p43", "00000000"},
				{"P45=" + one, "OK"},                          // instret: read-only
				{"p45", strings.Repeat("0", digits)},          //
				{"p49", "10" + strings.Repeat("0", digits-2)}, // vlenb
				{"p4a", strings.Repeat("0", 32)},              // v0
				{"P69=" + strings.Repeat("5a", 16), "OK"},     // v31
				{"p69", strings.Repeat("5a", 16)},
				{"p6a", "E01"},
				{"pffffffff", "E01"},
				{"Pa=00", "E01"},
				{"Pa=zz", "E01"},
				{"Gzz", "E01"},
				{fmt.Sprintf("M%x,4:11223344", total), "OK"},
				{fmt.Sprintf("m%x,4", total), "11223344"},
				{fmt.Sprintf("X%x,2:ab", total), "OK"},
				{fmt.Sprintf("m%x,4", total), "61623344"},
				{fmt.Sprintf("X%x,0:", total), "OK"},
				{fmt.Sprintf("M%x,4:1122", total), "E01"},
				{fmt.Sprintf("M%x,4:xx", total), "E01"},
				{fmt.Sprintf("M%x,4:11223344", s.addr(t, "main")), "E0e"}, // code
				{"m0,4", "E0e"},
				{"mffffffffffffffff,4", "E0e"},
				{"m10000", "E01"},
				{"m,", "E01"},
				{"Z0,10000,2", "OK"},
				{"z0,10000,2", "OK"},
				{"Z9,10000,2", ""},
				{"Z0,zz,2", "E01"},
				{"Z", "E01"},
				{"Z2,0,4", "E01"},                         // nothing to watch there
				{fmt.Sprintf("Z2,%x,2000", total), "E01"}, // too much
				{"z3,10000,4", "OK"},
				{"vCont?", "vCont;c;C;s;S;r"},
				{"vCont", "E01"},
				{"vCont;x", "E01"},
				{"vCont;r1", "E01"},
				{"Czz", "E01"},
				{"szz", "E01"},
				{"R", ""},
				{"vRun;", "E01"}, // cannot be restarted
				{"qXfer:exec-file:read:1:0,1000", "l/somewhere/program"},
				{"qXfer:exec-file:read:1:1,4", "msome"},
				{"qXfer:exec-file:read:1:ffff,4", "l"},
				{"qXfer:exec-file:read:1", ""},
				{"qXfer:features:read:other.xml:0,10", "E00"},
				{"qXfer:features:read:target.xml:0,5", "m<?xml"},
				{"qXfer:features:read:target.xml:0", "E01"},
				{"qXfer:nothing:read::0,10", ""},
				{"qRcmd,zz", "E01"},
				{"qRcmd," + hex.EncodeToString([]byte("instret")), hex.EncodeToString([]byte("0\n"))},
			}
			for _, tt := range tests {
				if got := string(s.handle([]byte(tt.packet))); got != tt.want {
					t.Errorf("%q: got %q, want %q", tt.packet, got, tt.want)
				}
			}
			if n := len(s.handle([]byte("g"))); n != 2*(33*xlen/8+32*8+3*4+6*xlen/8+32*16) {
				t.Errorf("g has %d digits", n)
			}
			if g := s.handle([]byte("g")); string(s.handle([]byte("G"+string(g)))) != "OK" || string(s.handle([]byte("g"))) != string(g) {
				t.Error("G and g differ")
			}
			if xlen == 32 && s.guest.Machine.X[11] != ^uint64(0) {
				t.Errorf("a1 = %#x: not sign-extended", s.guest.Machine.X[11])
			}
		})
	}
}

// stopAt sends a packet and checks the beginning of the answer and the function.
func stopAt(t *testing.T, s *server, packet, reply, function string) {
	t.Helper()
	got := string(s.handle([]byte(packet)))
	name, _ := s.guest.Machine.Program().Symbol(s.guest.Machine.PC)
	if !strings.HasPrefix(got, reply) || name != function {
		t.Fatalf("%s: got %q in %s, want %q in %s", packet, got, name, reply, function)
	}
}

func TestResume(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		t.Run(fmt.Sprintf("RV%d", xlen), func(t *testing.T) {
			s := newTestServer(t, xlen, "stop")
			sum, cost, total := s.addr(t, "sum"), s.addr(t, "cost"), s.addr(t, "total")
			stopAt(t, s, "?", "T05thread:1;", "_start")
			stopAt(t, s, "s", "T05thread:1;20:", "_start")
			if n := s.guest.Machine.Instret; n != 1 {
				t.Fatalf("a step has %d instructions", n)
			}
			s.handle(fmt.Appendf(nil, "Z0,%x,2", sum))
			s.handle(fmt.Appendf(nil, "Z1,%x,2", cost))
			stopAt(t, s, "vCont;c:1", "T05thread:1;swbreak:;", "sum")
			stopAt(t, s, "c", "T05thread:1;hwbreak:;", "cost")
			s.handle(fmt.Appendf(nil, "z1,%x,2", cost))
			s.handle(fmt.Appendf(nil, "Z2,%x,4", total))
			stopAt(t, s, "C05", fmt.Sprintf("T05thread:1;watch:%x;", total), "sum")
			stopAt(t, s, "vCont;c", fmt.Sprintf("T05thread:1;watch:%x;", total), "sum")
			s.handle(fmt.Appendf(nil, "z2,%x,4", total))
			s.handle(fmt.Appendf(nil, "Z3,%x,4", s.addr(t, "greeting")))
			stopAt(t, s, "c", fmt.Sprintf("T05thread:1;rwatch:%x;", s.addr(t, "greeting")), "main")
			s.handle(fmt.Appendf(nil, "z3,%x,4", s.addr(t, "greeting")))
			pc := s.guest.Machine.PC
			stopAt(t, s, fmt.Sprintf("vCont;r%x,%x:1", pc, pc+2), "T05", "main")
			stopAt(t, s, "c", "T05", "main") // the ebreak
			// A breakpoint does not count where the program stands already.
			stopAt(t, s, fmt.Sprintf("s%x", sum), "T05thread:1;20:", "sum")
			s.limit = s.guest.Machine.Instret + 10
			stopAt(t, s, "c", "T18", "sum")
			stopAt(t, s, "C18", "T18", "sum") // no more than news
			s.limit = 0
			// An endless loop: print, which lies before cost, returns to its return.
			s.guest.Machine.PC = s.addr(t, "cost") - 2
			s.guest.Machine.X[1] = s.guest.Machine.PC
			s.poll = func() bool { return true }
			stopAt(t, s, "c", "T02", "print")
		})
	}
}

func TestEnds(t *testing.T) {
	s := newTestServer(t, 64)
	stopAt(t, s, "c", "W", "_start")
	if got := string(s.handle([]byte("?"))); got != "Wc8" || !s.over || !s.gone {
		t.Errorf("after the end %q, over %v, gone %v", got, s.over, s.gone)
	}
	if got := string(s.handle([]byte("c"))); got != "Wc8" {
		t.Errorf("continued after the end: %q", got)
	}
	for packet, over := range map[string]bool{"k": true, "D": false, "vKill;1": true} {
		s := newTestServer(t, 64)
		if s.handle([]byte(packet)); s.over != over || !s.gone {
			t.Errorf("%s: over %v, gone %v", packet, s.over, s.gone)
		}
	}
}

func TestMonitor(t *testing.T) {
	s := newTestServer(t, 64)
	s.handle([]byte("s"))
	for line, want := range map[string]string{
		"":            monitorHelp,
		"help":        monitorHelp,
		"instret":     "1\n",
		"budget":      "no limit\n",
		"budget 7":    "stop at 7, now at 1\n",
		"budget 0x10": "stop at 16, now at 1\n",
		"budget much": "\"much\" is no number\n",
		"restart":     "this program cannot be restarted\n",
		"dance":       "there is no command \"dance\"; there are:\n" + monitorHelp,
	} {
		s.limit = 0
		if got := s.monitor(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
	if got := s.monitor("backtrace"); !strings.HasPrefix(got, "#0  0x") || !strings.Contains(got, "_start+0x") {
		t.Errorf("backtrace: %q", got)
	}
	if got := s.monitor("memory"); !strings.Contains(got, "pages of 4096 bytes") {
		t.Errorf("memory: %q", got)
	}
}

// TestAccessOf goes through the whole table: what the disassembler writes with
// an address in parentheses touches memory, and nothing else does.
func TestAccessOf(t *testing.T) {
	sizes := map[byte]uint8{'b': 1, 'h': 2, 'w': 4, 'd': 8}
	for _, row := range isa.Table() {
		if row.Ext == "V" || strings.HasPrefix(row.Ext, "Zv") {
			continue
		}
		// Registers and immediates that reserve nothing: x8 is one of the few that
		// compressed instructions can name.
		in := isa.Decode(row.Match | 0x00000400&^row.Mask)
		if in.Op != row.Op {
			continue
		}
		a := accessOf(in)
		name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(row.Name, "c."), "sp"), "u")
		var want access
		switch {
		case strings.HasPrefix(name, "lr."), strings.HasPrefix(name, "sc."), strings.HasPrefix(name, "amo"):
			name = name[:strings.LastIndexByte(name, '.')+2]
			want = access{size: sizes[name[len(name)-1]], read: name[0] != 's', write: name[0] != 'l'}
		case row.Name == "c.li" || row.Name == "c.lui" || row.Name == "lui":
		case len(name) == 2 && name[0] == 'l', len(name) == 3 && strings.HasPrefix(name, "fl") && sizes[name[2]] != 0:
			want = access{size: sizes[name[len(name)-1]], read: true}
		case len(name) == 2 && name[0] == 's' && sizes[name[1]] != 0, len(name) == 3 && strings.HasPrefix(name, "fs") && sizes[name[2]] != 0:
			want = access{size: sizes[name[len(name)-1]], write: true}
		}
		if a.size != want.size || a.read != want.read || a.write != want.write {
			t.Errorf("%s: %+v, want %+v", row.Name, a, want)
		}
	}
}

// FuzzCommands sends arbitrary packets to a program at its beginning. Nothing
// may panic, and running is bounded by a budget.
func FuzzCommands(f *testing.F) {
	for _, seed := range []string{
		"g\x00G00\x00p20\x00P20=0000000000000000\x00c",
		"Z0,10200,2\x00c\x00s\x00vCont;r10000,20000\x00C0b",
		"Z2,11000,8\x00Z3,11000,8\x00Z4,11000,8\x00c\x00c\x00z4,11000,8",
		"m10000,4\x00M11000,2:ffff\x00X11000,2:ab\x00qXfer:features:read:target.xml:0,fff",
		"qRcmd,68656c70\x00qRcmd,6275646765742035\x00vRun;;61\x00R\x00!\x00vKill;1\x00?",
		"c10001\x00s3\x00C0b;10000\x00S05\x00P2=ffffffffffffffff\x00qRcmd,6274",
	} {
		f.Add([]byte(seed))
	}
	programs := map[int]*server{64: newTestServer(f, 64), 32: newTestServer(f, 32)}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, model := range programs {
			var out strings.Builder
			guest := Linux(start(t, model.guest.Machine.Program(), &out))
			s := newServer(&guest, model.lines)
			for i, packet := range strings.Split(string(data), "\x00") {
				if i == 50 || s.gone {
					break
				}
				if s.limit == 0 || s.limit > s.guest.Machine.Instret+1000 {
					s.limit = s.guest.Machine.Instret + 1000
				}
				s.handle([]byte(packet))
				s.notes = nil
				guest.Machine.X[17] = min(guest.Machine.X[17], 100) // no call that waits
			}
		}
	})
}
