package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/tenant"
	"fishplate/riscv/debug"
)

// hello is a built program that greets its arguments; see its source beside it.
const hello = "../../riscv/linux/testdata/hello.elf"

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name        string
		run         Run
		code        int
		out, errors string
	}{
		{"exit", Run{Args: []string{"hello", "a", "b"}}, 2, "hello, a\nhello, b\n", ""},
		{"budget", Run{Args: []string{"hello", "a", "spin"}, Budget: 10_000}, StatusStopped, "hello, a\n", "stopped: the budget is used up, after 10,0"},
		{"interpreted", Run{Args: []string{"hello", "spin"}, Budget: 10_000, NoJIT: true, Stats: true}, StatusStopped, "", "\nengine        interpreter\n"},
		{"trace", Run{Args: []string{"hello", "a"}, Trace: true}, 1, "hello, a\n", "write(1, \"a\", 1) = 1\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			r := tt.run
			r.Path, r.Memory, r.Stdout, r.Stderr = hello, 16<<20, &out, &errs
			code, err := r.Do(t.Context())
			if err != nil || code != tt.code || out.String() != tt.out || !strings.Contains(errs.String(), tt.errors) {
				t.Errorf("status %d, error %v, output %q, errors %q", code, err, out.String(), errs.String())
			}
			if tt.errors == "" && errs.Len() > 0 {
				t.Errorf("errors %q", errs.String())
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	var errs bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := Run{Path: hello, Args: []string{"hello", "spin"}, Memory: 16 << 20, Stdout: io.Discard, Stderr: &errs, JSON: true}
	code, err := r.Do(ctx)
	if err != nil || code != StatusInterrupted || !strings.Contains(errs.String(), "interrupted, after 0 instructions") {
		t.Errorf("status %d, error %v: %s", code, err, errs.String())
	}
	_, line, _ := strings.Cut(errs.String(), "{")
	var e ending
	if err := json.Unmarshal([]byte("{"+line), &e); err != nil || e.Status != code || e.Stopped != "interrupt" || e.Registers[0] != "0x0" {
		t.Errorf("%v: %+v from %s", err, e, errs.String())
	}
}

// TestReadEnds: a read that waits ends with the context, and what it missed is
// not lost on others.
func TestReadEnds(t *testing.T) {
	in, out := io.Pipe()
	defer out.Close()
	ctx, cancel := context.WithCancel(t.Context())
	r := &interruptible{ctx: ctx, r: in}
	go func() { _, _ = out.Write([]byte("abc")) }() // ends when all was read
	b := make([]byte, 2)
	if n, err := io.ReadFull(r, b); n != 2 || err != nil || string(b) != "ab" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	if n, err := r.Read(b); n != 1 || err != nil || b[0] != 'c' {
		t.Fatalf("%q, %v", b[:n], err)
	}
	cancel()
	if n, err := r.Read(b); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := (&interruptible{ctx: t.Context()}).Read(b); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("without a reader: %d, %v", n, err)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ name, file, want string }{
		{"empty", "", "bad ELF magic; the file is empty"},
		{"script", "#!/bin/sh\n", "bad ELF magic; this is a script: " + tenant.HowToBuild},
		{"wasm", "\x00asm\x01", "bad ELF magic; this is WebAssembly: " + tenant.HowToBuild},
		{"windows", "MZ\x90\x00", "bad ELF magic; this is a Windows program: " + tenant.HowToBuild},
		{"text", "some text", "bad ELF magic; this is no program: " + tenant.HowToBuild},
	} {
		path := filepath.Join(dir, tt.name)
		if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Load(path); err == nil || err.Error() != "load guest "+path+": "+tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, _, err := Load(filepath.Join(dir, "absent")); err == nil || !strings.HasSuffix(err.Error(), "/absent: no such file or directory") {
		t.Errorf("absent: %v", err)
	}
}

func TestPrintFrames(t *testing.T) {
	deep := debug.Frame{PC: 0x10, Func: "deep", Off: 2}
	main := debug.Frame{PC: 0x20, Func: "main", Off: 4}
	var b strings.Builder
	printFrames(&b, []debug.Frame{deep, deep, deep, deep, deep, main})
	want := `#0  0x00000010 in deep+0x2
#1  0x00000010 in deep+0x2
#2  0x00000010 in deep+0x2
    (2 more like it)
#5  0x00000020 in main+0x4
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", 1 << 63: "9,223,372,036,854,775,808"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
