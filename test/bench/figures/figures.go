// Package figures is what the benchmark commands share: medians, the facts of
// the machine, and the file in which a run is kept. It measures nothing and
// keeps no state.
package figures

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Median returns the middle of v, or the mean of the two middles; 0 for none.
func Median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	switch n := len(s); {
	case n == 0:
		return 0
	case n%2 == 1:
		return s[n/2]
	default:
		return (s[n/2-1] + s[n/2]) / 2
	}
}

// Quantile returns the value below which the share q of v lies; v is not empty.
func Quantile(v []float64, q float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[int(q*float64(len(s)-1))]
}

// GeometricMean returns the geometric mean of positive values; 0 for none.
func GeometricMean(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	sum := 0.0
	for _, x := range v {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(v)))
}

// Verdict says whether a bar is met.
func Verdict(met bool) string {
	if met {
		return "met"
	}
	return "missed"
}

// Machine names the processor and the kernel, then the first line that each of
// the given commands prints: the versions of the peers.
func Machine(versions ...[]string) string {
	facts := []string{processor(), "Linux " + firstLine("uname", "-r")}
	for _, v := range versions {
		facts = append(facts, firstLine(v[0], v[1:]...))
	}
	return strings.Join(facts, ", ")
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return "unknown CPU"
}

// firstLine returns what a command prints first; some print their version as an
// error.
func firstLine(name string, args ...string) string {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil && len(out) == 0 {
		return name + " missing"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// Store writes a run into folder dir as prefix and the time, and returns the
// path. Date and commit are added to what the fields hold.
func Store(dir, prefix string, fields map[string]any) (string, error) {
	now := time.Now().UTC()
	all := map[string]any{"date": now.Format(time.RFC3339), "commit": firstLine("git", "rev-parse", "--short", "HEAD")}
	maps.Copy(all, fields)
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return "", fmt.Errorf("store figures: %w", err)
	}
	path := filepath.Join(dir, prefix+now.Format("20060102-150405")+".json")
	return path, os.WriteFile(path, append(text, '\n'), 0o644)
}
