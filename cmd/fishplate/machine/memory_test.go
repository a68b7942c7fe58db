package machine

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestSpareMemory(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"nothing is known", nil, math.MaxInt64},
		{"the machine's", map[string]string{"proc/meminfo": "MemTotal: 100 kB\nMemAvailable:   40 kB\n"}, 40 << 10},
		{"of a group", map[string]string{
			"proc/meminfo": "MemAvailable:   40 kB\n", "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/b/memory.current": "9\n",
			"sys/fs/cgroup/a/memory.max": "1000\n", "sys/fs/cgroup/a/memory.current": "400\n",
		}, 600},
		{"a group that has all it may", map[string]string{
			"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "1000\n", "sys/fs/cgroup/a/memory.current": "1400\n",
		}, 0},
		{"a container's own group", map[string]string{
			"proc/meminfo": "MemAvailable:   40 kB\n", "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "300\n",
		}, 700},
		{"a group of the first version", map[string]string{
			"proc/meminfo": "MemAvailable:   40 kB\n", "proc/self/cgroup": "5:cpu:/c\n4:memory:/a\n0::/\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1000\n", "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "800\n",
		}, 200},
	} {
		if got := Spare(rootOf(t, tt.files)); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// rootOf writes a machine's files below a folder.
func rootOf(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestPaidProcessors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing is known", nil, ""},
		{"no quota", map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n"}, ""},
		{"a quota further up", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
		}, "quota"},
		{"a quota of the first version", map[string]string{
			"proc/self/cgroup": "4:cpu,cpuacct:/a\n0::/\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "50000\n",
		}, "quota"},
		{"none of the first version", map[string]string{
			"proc/self/cgroup": "4:cpu,cpuacct:/a\n0::/\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1\n",
		}, ""},
		{"an instance with credits", map[string]string{"sys/class/dmi/id/product_name": "t3a.small\n"}, "credits"},
		{"an instance with its own", map[string]string{"sys/class/dmi/id/product_name": "c5.xlarge\n"}, ""},
	} {
		if got := Paid(rootOf(t, tt.files)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
