package debug

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"fishplate/riscv"
	"fishplate/riscv/linux"
)

// record profiles a program to its end.
func record(t *testing.T, path string, budget uint64) *Recording {
	t.Helper()
	program, lines := load(t, path)
	guest := Linux(start(t, program, new(strings.Builder)))
	guest.File = path
	r, err := Record(t.Context(), guest, lines, budget)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// open reads what a recording writes.
func open(t *testing.T, r *Recording) *profile.Profile {
	t.Helper()
	var b bytes.Buffer
	if err := r.WritePprof(&b); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sums adds up the samples: of functions alone, and with what they called.
func sums(p *profile.Profile) (total int64, flat, cum map[string]int64) {
	flat, cum = map[string]int64{}, map[string]int64{}
	for _, s := range p.Sample {
		total += s.Value[0]
		seen := map[string]bool{}
		for i, at := range s.Location {
			for k, line := range at.Line {
				if name := line.Function.Name; !seen[name] {
					seen[name] = true
					cum[name] += s.Value[0]
					if i == 0 && k == 0 {
						flat[name] += s.Value[0]
					}
				}
			}
		}
	}
	return total, flat, cum
}

// plain runs a program without a profiler.
func plain(t *testing.T, path string) uint64 {
	t.Helper()
	program, _ := load(t, path)
	p := start(t, program, new(strings.Builder))
	executed := uint64(0)
	for {
		before := p.Machine.Instret
		e := p.Machine.Run(1 << 20)
		executed += p.Machine.Instret - before
		if p.Handle(e) {
			return executed
		}
	}
}

func TestRecordIsExact(t *testing.T) {
	path := buildStatic(t, "calls.c", "-g", "-O1", "-fno-optimize-sibling-calls")
	r := record(t, path, 0)
	if want := plain(t, path); r.Total != want || !r.Status.Exited {
		t.Fatalf("%d instructions, %+v; want %d", r.Total, r.Status, want)
	}
	p := open(t, r)
	total, flat, cum := sums(p)
	if total != int64(r.Total) {
		t.Errorf("samples add up to %d of %d", total, r.Total)
	}
	// leaf is called 110 times, and always does the same.
	if all := flat["leaf"] + flat["twice"]; all%110 != 0 || flat["twice"] == 0 || cum["leaf"] != all {
		t.Errorf("leaf %d, inlined %d, together %d", flat["leaf"], flat["twice"], cum["leaf"])
	}
	// Recursion counts once, and longjmp closes what it jumped over.
	if cum["fib"] != flat["fib"] || flat["fib"] < 1973*5 {
		t.Errorf("fib: %d, with callees %d", flat["fib"], cum["fib"])
	}
	// even(101) calls odd 51 times, and odd calls even 50 times.
	if cum["even"] != flat["even"]+flat["odd"] || cum["odd"] >= cum["even"] {
		t.Errorf("even %d (%d), odd %d (%d)", flat["even"], cum["even"], flat["odd"], cum["odd"])
	}
	if want := flat["after"] + (flat["leaf"]+flat["twice"])/11; cum["after"] != want {
		t.Errorf("after: %d, with callees %d, want %d", flat["after"], cum["after"], want)
	}
	for _, s := range p.Sample {
		names := stackOf(s)
		if strings.Contains(names, "after") && strings.Contains(names, "jump") {
			t.Errorf("longjmp left its frames behind: %s", names)
		}
	}
	if cum["main"] > total || cum["main"] < cum["fib"]+cum["even"]+cum["after"]+cum["jump"] {
		t.Errorf("main: %d of %d", cum["main"], total)
	}
}

// stackOf lists the functions of a sample, the innermost first.
func stackOf(s *profile.Sample) string {
	var names []string
	for _, at := range s.Location {
		for _, line := range at.Line {
			names = append(names, line.Function.Name)
		}
	}
	return strings.Join(names, " ")
}

// TestRecordIsTheSameTwice compares bytes, and those of programs of both widths.
func TestRecordIsTheSameTwice(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		path := build(t, xlen, "shop.c", "-g", "-O1")
		var first, second bytes.Buffer
		if err := errors.Join(record(t, path, 0).WritePprof(&first), record(t, path, 0).WritePprof(&second)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("RV%d: two recordings of one program differ", xlen)
		}
		p, err := profile.Parse(&first)
		if err != nil {
			t.Fatal(err)
		}
		total, flat, cum := sums(p)
		if total == 0 || flat["cost"] == 0 || flat["cost"]%3 != 0 || cum["sum"] != flat["sum"]+flat["cost"] {
			t.Errorf("RV%d: total %d, cost %d, sum %d (%d)", xlen, total, flat["cost"], flat["sum"], cum["sum"])
		}
	}
}

func TestRecordEnds(t *testing.T) {
	path := build(t, 64, "crash.c", "-g", "-O1")
	r := record(t, path, 0)
	if r.Status.Stopped != linux.StoppedFault || r.Status.Exit.Fault.Kind != riscv.LoadAccess {
		t.Errorf("a fault: %+v", r.Status)
	}
	whole := r.Total
	for _, budget := range []uint64{1, 2, 3, 7, 20, whole - 1} {
		r := record(t, path, budget)
		if total, _, _ := sums(open(t, r)); r.Status.Stopped != linux.StoppedBudget || r.Total != budget || total != int64(budget) {
			t.Errorf("budget %d: %+v, %d executed, %d in samples", budget, r.Status, r.Total, total)
		}
	}
	if total, _, _ := sums(open(t, r)); total != int64(whole) {
		t.Errorf("%d executed, %d in samples", whole, total)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	program, _ := load(t, path)
	if r, err := Record(ctx, Linux(start(t, program, new(strings.Builder))), nil, 0); !errors.Is(err, context.Canceled) || r == nil {
		t.Errorf("cancelled: %v", err)
	}
}

// TestRecordWithoutSymbols needs no names to count.
func TestRecordWithoutSymbols(t *testing.T) {
	p := open(t, record(t, build(t, 64, "shop.c", "-O1", "-s"), 0))
	total, flat, _ := sums(p)
	if total == 0 || len(flat) != 0 {
		t.Errorf("total %d, functions %v", total, flat)
	}
}

// TestPprofOpensIt asks the tool that people use.
func TestPprofOpensIt(t *testing.T) {
	goTool := needTool(t, "go", "golang")
	path := buildStatic(t, "calls.c", "-g", "-O1", "-fno-optimize-sibling-calls")
	r := record(t, path, 0)
	file := filepath.Join(t.TempDir(), "calls.pprof")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.WritePprof(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		flags []string
		want  string
	}{
		{[]string{"-top"}, `(?s)Type: instructions.*flat%.*\d+ +\d+\.\d+% +\d+\.\d+% +\d+ +\d+\.\d+%  fib\n`},
		{[]string{"-peek", "^leaf$"}, `(?s)90\.91% \|   main.*9\.09% \|   after.*\| leaf\n.*\|   twice \(inline\)`},
		{[]string{"-list", "^leaf$"}, `ROUTINE =+ leaf in .*calls.c(?s:.*) 110 +440 +\d+:\tsink = twice\(x\);`},
		{[]string{"-lines", "-top"}, `fib .*calls.c:20`},
	} {
		cmd := exec.CommandContext(t.Context(), goTool, append(append([]string{"tool", "pprof"}, tt.flags...), file)...)
		cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+t.TempDir())
		text, err := cmd.CombinedOutput()
		if err != nil || !regexp.MustCompile(tt.want).Match(text) {
			t.Errorf("pprof %v: %v\n%s\nwant %s", tt.flags, err, text, tt.want)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	path := buildStatic(b, "calls.c", "-O1")
	program, lines := load(b, path)
	executed := uint64(0)
	for b.Loop() {
		r, err := Record(b.Context(), Linux(start(b, program, new(strings.Builder))), lines, 0)
		if err != nil {
			b.Fatal(err)
		}
		executed += r.Total
	}
	b.ReportMetric(float64(executed)/b.Elapsed().Seconds()/1e6, "MIPS")
}
