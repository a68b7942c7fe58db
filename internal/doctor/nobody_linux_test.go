package doctor

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/report"
)

// unprivileged says that the test binary runs as nobody; it writes what it found
// to its file 3.
const unprivileged = "FISHPLATE_DOCTOR_NOBODY"

// said is what a check said.
type said struct {
	Status fact.Status
	RunOn  string
	Found  string
}

// TestNobody: a user without any right gets an answer to nearly all that root
// does. What that user cannot see is unknown and sent to root, and never fine
// where root sees that it is not.
func TestNobody(t *testing.T) {
	if os.Getenv(unprivileged) != "" {
		if err := json.NewEncoder(os.NewFile(3, "answer")).Encode(everything(t)); err != nil {
			t.Fatal(err)
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("root is missing, to compare with and to become nobody from")
	}
	// Counters move, so that only what root says before and after counts.
	before, nobody, after := everything(t), asNobody(t), everything(t)
	same := 0
	for id, now := range nobody {
		root := before[id]
		if root.Status != after[id].Status || now.Status == root.Status {
			same++
			continue
		}
		switch {
		case now.Status == fact.Unknown && now.RunOn == "root" && now.Found != "":
		case now.Status == fact.Info: // of our own rights: root has them, nobody does not
		case now.Status == fact.Warn, now.Status == fact.Fail: // limits of processes are those of the user
		default:
			t.Errorf("%s: root %+v, nobody %+v", id, root, now)
		}
	}
	if all := len(Catalogue()); len(nobody) != all || same < all*9/10 {
		t.Errorf("nobody is told of %d of %d checks, of %d what root is told", len(nobody), all, same)
	}
}

func everything(t *testing.T) map[string]said {
	t.Helper()
	r, err := Run(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]said{}
	for _, x := range r.Results {
		all[x.Check.ID] = said{Status: x.Finding.Status, RunOn: x.Finding.RunOn, Found: x.Finding.Found}
	}
	return all
}

func asNobody(t *testing.T) (all map[string]said) {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close() // it was read only
	// Not by its name: the folder of the test binary is root's.
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestNobody$")
	cmd.Dir, cmd.Env = "/", append(os.Environ(), unprivileged+"=1")
	cmd.ExtraFiles = []*os.File{out}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	decoded := make(chan error, 1)
	go func() { decoded <- json.NewDecoder(in).Decode(&all) }()
	text, err := cmd.CombinedOutput()
	if err := errors.Join(err, out.Close(), <-decoded); err != nil {
		t.Fatalf("as nobody: %v\n%s", err, text)
	}
	return all
}

// TestProbed: what is measured decides, and every row that measures has its figure.
func TestProbed(t *testing.T) {
	r, err := Run(t.Context(), Options{Probe: true, Only: []string{"cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"cpu.wake-latency", "cpu.syscall-cost", "cpu.page-fault", "cpu.timer-slack", "cpu.crr-floor", "cpu.crypto-speed", "cpu.memory-speed"} {
		for _, x := range r.Results {
			if x.Check.ID != id {
				continue
			}
			one := id == "cpu.wake-latency" && x.Finding.Status == fact.Skip // with a single processor
			if (x.Finding.Status == fact.Unknown || x.Finding.Status == fact.Skip) && !one || len(x.Finding.Evidence) == 0 && !one {
				t.Errorf("%s: %s: %s", id, x.Finding.Status, x.Finding.Found)
			}
		}
	}
}

// BenchmarkRun is the time of all checks without measuring; a run must end within
// a second.
func BenchmarkRun(b *testing.B) { benchmark(b, Options{}) }

// BenchmarkProbe is the time of all checks with measuring; a run must end within
// five seconds.
func BenchmarkProbe(b *testing.B) { benchmark(b, Options{Probe: true}) }

func benchmark(b *testing.B, o Options) {
	var r *report.Report
	for b.Loop() {
		var err error
		if r, err = Run(b.Context(), o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(r.Results)), "checks")
}
