package parse

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fuzz runs one reader: it does not panic, its errors are of the one kind, and
// the same bytes read the same twice.
func fuzz(f *testing.F, name string) {
	for _, s := range samples {
		if s.name != name {
			continue
		}
		f.Add([]byte(s.text))
		f.Add([]byte(s.text[:len(s.text)/2]))
		f.Fuzz(func(t *testing.T, b []byte) {
			one, err := s.read(b)
			if err != nil && !errors.Is(err, ErrNothing) {
				t.Fatal(err)
			}
			two, again := s.read(b)
			if (err == nil) != (again == nil) || !cmp.Equal(one, two) {
				t.Fatal(cmp.Diff(one, two))
			}
		})
		return
	}
	f.Fatalf("no sample is named %s", name)
}

func FuzzNumber(f *testing.F)       { fuzz(f, "number") }
func FuzzNumbers(f *testing.F)      { fuzz(f, "numbers") }
func FuzzFlag(f *testing.F)         { fuzz(f, "flag") }
func FuzzLimit(f *testing.F)        { fuzz(f, "limit") }
func FuzzChosen(f *testing.F)       { fuzz(f, "chosen") }
func FuzzPairs(f *testing.F)        { fuzz(f, "pairs") }
func FuzzTexts(f *testing.F)        { fuzz(f, "texts") }
func FuzzStat(f *testing.F)         { fuzz(f, "stat") }
func FuzzCPUList(f *testing.F)      { fuzz(f, "list") }
func FuzzCPUMask(f *testing.F)      { fuzz(f, "mask") }
func FuzzInterrupts(f *testing.F)   { fuzz(f, "interrupts") }
func FuzzCPUInfo(f *testing.F)      { fuzz(f, "cpuinfo") }
func FuzzNetstat(f *testing.F)      { fuzz(f, "netstat") }
func FuzzSoftnet(f *testing.F)      { fuzz(f, "softnet") }
func FuzzConntrack(f *testing.F)    { fuzz(f, "conntrack") }
func FuzzSockstat(f *testing.F)     { fuzz(f, "sockstat") }
func FuzzDevices(f *testing.F)      { fuzz(f, "devices") }
func FuzzMeminfo(f *testing.F)      { fuzz(f, "meminfo") }
func FuzzPressure(f *testing.F)     { fuzz(f, "pressure") }
func FuzzBeancounters(f *testing.F) { fuzz(f, "beancounters") }
func FuzzSwaps(f *testing.F)        { fuzz(f, "swaps") }
func FuzzCgroups(f *testing.F)      { fuzz(f, "cgroups") }
func FuzzCPUMax(f *testing.F)       { fuzz(f, "cpu.max") }
func FuzzMounts(f *testing.F)       { fuzz(f, "mounts") }
func FuzzRelease(f *testing.F)      { fuzz(f, "release") }
func FuzzCmdline(f *testing.F)      { fuzz(f, "cmdline") }
func FuzzLimits(f *testing.F)       { fuzz(f, "limits") }
func FuzzXen(f *testing.F)          { fuzz(f, "xen") }
func FuzzIDMap(f *testing.F)        { fuzz(f, "uid_map") }
func FuzzKernelLog(f *testing.F)    { fuzz(f, "kmsg") }
func FuzzKernelConfig(f *testing.F) { fuzz(f, "config") }

func FuzzEnviron(f *testing.F) {
	f.Add([]byte("container=lxc\x00HOME=/root\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for name := range Environ(b) {
			if name == "" {
				t.Fatal("a variable without a name")
			}
		}
		SMBIOSVirtual(b)
	})
}
