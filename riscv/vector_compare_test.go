package riscv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"testing"

	"fishplate/riscv/isa"
)

// runVectors executes a random program, with slices of fuel, and returns what it
// writes.
func runVectors(t *testing.T, b []byte, fuel uint64) []byte {
	t.Helper()
	p, err := LoadProgram(b)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(p, Options{AddressSpace: vecEnd})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var out []byte
	for {
		switch e := m.Run(fuel); e.Kind {
		case Budget:
		case Faulted:
			log, err := m.Mem.Writable(vecLog, 0x4000)
			if err != nil {
				t.Fatal(err)
			}
			n := binary.LittleEndian.Uint32(log)
			binary.LittleEndian.PutUint32(log[8+n:], uint32(m.PC))
			binary.LittleEndian.PutUint32(log, n+4)
			m.PC += 4
		case Call:
			switch m.X[17] {
			case 64:
				v, err := m.Mem.View(m.X[11], m.X[12])
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, v...)
			case 93:
				return out
			}
			m.X[10] = 0
			m.SkipCall()
		default:
			t.Fatalf("exit %v", e)
		}
	}
}

func qemuVectors(t *testing.T, xlen int, b []byte) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vectors")
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	tool := fmt.Sprintf("qemu-riscv%d", xlen)
	args := []string{"-cpu", fmt.Sprintf("rv%d,v=true,vext_spec=v1.0,vlen=128,elen=64", xlen), path}
	if xlen == 64 {
		args = append([]string{"-B", "0x10000000000"}, args...) // so that low addresses are free
	}
	out, err := exec.Command(needTool(t, tool, "qemu-user"), args...).Output()
	if err != nil {
		var e *exec.ExitError
		errors.As(err, &e)
		return append(out, e.Stderr...)
	}
	return out
}

// TestVectorsLikeQemu compares registers, memory and faults of random vector
// programs with those under qemu-user. On a difference it looks for the shortest
// beginning of the program that has one.
func TestVectorsLikeQemu(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		t.Run(fmt.Sprintf("rv%d", xlen), func(t *testing.T) { vectorsLikeQemu(t, xlen) })
	}
}

func vectorsLikeQemu(t *testing.T, xlen int) {
	rows := vecRows()
	const steps = 300
	for i := range uint64(*vectorRounds) {
		seed := *vectorSeed + i
		make := func(n int) ([]byte, []uint32) {
			d := &vecDice{xlen: xlen, Rand: rand.New(rand.NewPCG(seed, 5)), rows: rows}
			b := d.program(n)
			return b, d.code
		}
		differs := func(n int) string {
			b, _ := make(n)
			return describeVectors(runVectors(t, b, 1<<40), qemuVectors(t, xlen, b))
		}
		if differs(steps) == "" {
			if b, _ := make(steps); describeVectors(runVectors(t, b, 3), runVectors(t, b, 1<<40)) != "" {
				t.Fatalf("seed %d: small slices of fuel make a difference", seed)
			}
			continue
		}
		n := sort.Search(steps, func(n int) bool { return differs(n) != "" })
		_, code := make(n)
		_, before := make(n - 1)
		text := ""
		for at, w := range code[:len(code)-(len(before)-vecPrefix(before, code))] {
			if at >= vecPrefix(before, code)-14 {
				text += fmt.Sprintf("\n%#x %08x %s", vecText+4*at, w, isa.Disasm(w, 0))
			}
		}
		t.Fatalf("seed %d, step %d:%s%s", seed, n, text, differs(n))
	}
}

// vecPrefix is how many words two programs have in common.
func vecPrefix(a, b []uint32) int {
	n := 0
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n
}

// describeVectors names what differs between two dumps.
func describeVectors(got, want []byte) string {
	if len(got) != len(want) {
		return fmt.Sprintf("\n%d bytes of output, qemu %d: %.200s", len(got), len(want), want)
	}
	csrs := []string{"fcsr", "vstart", "vxsat", "vxrm", "vcsr", "vl", "vtype", "vlenb"}
	text := ""
	for i := 0; i+8 <= len(got) && len(text) < 2000; i += 8 {
		g, w := binary.LittleEndian.Uint64(got[i:]), binary.LittleEndian.Uint64(want[i:])
		if g == w {
			continue
		}
		name := fmt.Sprintf("data+%#x", i)
		switch at := i - (vecDump - vecData); {
		case at < 0:
			name = fmt.Sprintf("log[%d]", i/4-2)
		case at < 512:
			name = fmt.Sprintf("v%d.%d", at/16, at/8&1)
		case at < 768:
			name = isa.RegisterName(uint8(at/8) & 31)
		case at < 1024:
			name = isa.FloatName(uint8(at/8) & 31)
		case at < 1024+64:
			name = csrs[at/8&7]
		}
		text += fmt.Sprintf("\n%s = %#x, qemu %#x", name, g, w)
	}
	return text
}
