package riscv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fishplate/riscv/isa"
)

// qemu is qemu-user running testdata/qemu/harness.c, which executes one scenario
// after the other.
type qemu struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.Reader
	said bytes.Buffer
}

// Signals that the harness reports.
const (
	sigILL  = 4
	sigTRAP = 5
	sigBUS  = 7
	sigSEGV = 11
)

// scenarioHeader is struct header of the harness.
type scenarioHeader struct {
	X, F                              [32]uint64
	FCSR, TextSize, ConstSize, Length uint32
	Text, Constants, Data, End        uint32
	WantMemory, Padding               uint32
}

// trap and result are struct trap and struct result of the harness.
type trap struct {
	Signal, Padding uint32
	PC, Address     uint64
}

type result struct {
	X, F        [32]uint64
	PC, Digest  uint64
	FCSR, Traps uint32
	Trap        [maxEvents]trap
}

// startQemu builds the harness and starts it.
func startQemu(t *testing.T, xlen int) *qemu {
	t.Helper()
	gcc := needTool(t, "riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf")
	abi := map[int]string{64: "lp64d", 32: "ilp32d"}[xlen]
	path := filepath.Join(t.TempDir(), "harness")
	out, err := exec.Command(gcc, "-O2", "-ffreestanding", "-nostdlib", "-static", "-mcmodel=medany", fmt.Sprintf("-march=rv%dgc", xlen),
		"-mabi="+abi, "-Wl,--no-relax,-Ttext-segment=0x60000000", "-o", path, "testdata/qemu/harness.c", "-lgcc").CombinedOutput()
	if err != nil {
		t.Fatalf("build harness: %v\n%s", err, out)
	}
	tool := fmt.Sprintf("qemu-riscv%d", xlen)
	args := []string{"-cpu", fmt.Sprintf("rv%d,zba=true,zbb=true,zbc=true,zbs=true", xlen), path}
	if xlen == 64 {
		// Elsewhere than at 0, where the host lets nobody map the first pages.
		args = append([]string{"-B", "0x10000000000"}, args...)
	}
	q := &qemu{cmd: exec.Command(needTool(t, tool, "qemu-user"), args...)}
	q.cmd.Stderr = &q.said
	if q.in, err = q.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if q.out, err = q.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := q.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = q.cmd.Process.Kill()
		_ = q.cmd.Wait()
	})
	return q
}

// run executes one scenario. memory is nil unless it is wanted.
func (q *qemu) run(s *scenario, want bool) (r result, memory []byte, err error) {
	h := scenarioHeader{X: s.x, F: s.f, FCSR: s.fcsr, TextSize: uint32(len(s.text)), ConstSize: uint32(len(s.ro)), Length: uint32(len(s.data)),
		Text: textBase, Constants: constBase, Data: dataBase, End: uint32(s.end)}
	if want {
		h.WantMemory = 1
		memory = make([]byte, spaceSize-4096)
	}
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, h) // a buffer takes everything
	b.Write(s.text)
	b.Write(s.ro)
	b.Write(s.data)
	// A program that the interpreter finishes and qemu does not would wait here
	// for ever.
	watchdog := time.AfterFunc(20*time.Second, func() { _ = q.cmd.Process.Kill() })
	defer watchdog.Stop()
	if _, err = q.in.Write(b.Bytes()); err == nil {
		if err = binary.Read(q.out, binary.LittleEndian, &r); err == nil && want {
			_, err = io.ReadFull(q.out, memory)
		}
	}
	if err != nil {
		err = fmt.Errorf("qemu: %w\n%s", err, &q.said)
	}
	return r, memory, err
}

// digest is what the harness computes of the memory.
func digest(memory []byte) uint64 {
	h := uint64(1)
	for i := 0; i < len(memory); i += 8 {
		if w := binary.LittleEndian.Uint64(memory[i:]); w != 0 {
			h = (h ^ w ^ uint64(4096+i)) * 0x9e3779b97f4a7c15
			h ^= h >> 32
		}
	}
	return h
}

// compareQemu says how a finished run differs from what qemu did.
func compareQemu(a *run, b *result) string {
	var t strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&t, format+"\n", args...) }
	for i := range max(len(a.events), int(b.Traps)) {
		if i >= len(a.events) || i >= int(b.Traps) {
			say("%d exits, qemu %d", len(a.events), b.Traps)
			break
		}
		if e, q := a.events[i], b.Trap[i]; !sameTrap(e, q) {
			say("exit %d: %v, qemu signal %d at %#x, address %#x", i, e, q.Signal, q.PC, q.Address)
			break
		}
	}
	for i := range a.X {
		if a.X[i] != b.X[i] {
			say("%s = %#x, qemu %#x", isa.RegisterName(uint8(i)), a.X[i], b.X[i])
		}
	}
	for i := range a.F {
		if a.F[i] != b.F[i] {
			say("%s = %#x, qemu %#x", isa.FloatName(uint8(i)), a.F[i], b.F[i])
		}
	}
	if a.FCSR() != b.FCSR {
		say("fcsr = %#x, qemu %#x", a.FCSR(), b.FCSR)
	}
	if digest(a.all()) != b.Digest {
		say("memory differs")
	}
	return t.String()
}

// sameTrap compares an exit with a signal. An access that crosses into a page is
// reported at its first byte by one and at the page by the other; addresses that
// the host's processor does not have are not reported at all.
func sameTrap(e event, q trap) bool {
	if e.pc != q.PC {
		return false
	}
	if e.kind == Break {
		return q.Signal == sigTRAP
	}
	switch e.fault.Kind {
	case Illegal:
		return q.Signal == sigILL
	case AtomicMisaligned:
		return q.Signal == sigBUS && q.Address == e.fault.Addr
	case FetchAccess:
		return q.Signal == sigSEGV || q.Signal == sigILL
	case LoadAccess, StoreAccess:
		a := e.fault.Addr
		return q.Signal == sigSEGV && (a == q.Address || a < q.Address && q.Address-a < 8 && q.Address%4096 == 0 || a >= 1<<46)
	}
	return false
}

// TestRandomLikeQemu executes generated programs here and under qemu-user:
// registers, memory, flags, and the place and kind of every trap must be the
// same. One qemu executes them all.
func TestRandomLikeQemu(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		t.Run(fmt.Sprintf("rv%d", xlen), func(t *testing.T) {
			q := startQemu(t, xlen)
			executed, left := uint64(0), 0
			n := programs(t, 4000)
			for i := range uint64(n) {
				s := newScenario(*seedFlag+i, xlen, 150, true)
				diff, count, err := s.likeQemu(t, q)
				if err != nil {
					t.Fatalf("seed %d: %v", s.seed, err)
				}
				if diff != "" {
					t.Fatal(s.explainQemu(t, q, diff))
				}
				executed += count
				if count == 0 {
					left++
				}
			}
			t.Logf("%d programs, %d million instructions; %d left out, since they do not end", n, executed/1_000_000, left)
		})
	}
}

// likeQemu runs a scenario both ways. It gives 0 instructions for one that does
// not end, which qemu does not get.
func (s *scenario) likeQemu(t testing.TB, q *qemu) (diff string, count uint64, err error) {
	p, err := s.program()
	if err != nil {
		return "", 0, err
	}
	r := s.start(t, p, interpreter)
	defer r.Close()
	if r.advance(scenarioFuel); !r.done {
		return "", 0, nil
	}
	res, _, err := q.run(s, false)
	if err != nil {
		return "", 0, err
	}
	return compareQemu(r, &res), r.Instret, nil
}

// explainQemu reduces a scenario that qemu executes differently.
func (s *scenario) explainQemu(t testing.TB, q *qemu, diff string) string {
	fails := func(c *scenario, _ uint64) bool {
		d, _, err := c.likeQemu(t, q)
		return err == nil && d != ""
	}
	c, _ := s.shrink(fails)
	var b strings.Builder
	if d, _, err := c.likeQemu(t, q); err == nil && d != "" {
		diff = d
	}
	fmt.Fprintf(&b, "seed %d, rv%d: the interpreter and qemu differ:\n%s", s.seed, s.xlen, diff)
	if p, err := c.program(); err == nil && strings.Contains(diff, "memory differs") {
		r := c.start(t, p, interpreter)
		defer r.Close()
		r.advance(scenarioFuel)
		if _, memory, err := q.run(c, true); err == nil {
			compareMemory(&b, r.all(), memory)
		}
	}
	fmt.Fprintf(&b, "reproduce: go test -run 'TestRandomLikeQemu/rv%d' -seed %d -programs 1\nreduced program:\n", s.xlen, s.seed)
	c.list(&b)
	return b.String()
}
