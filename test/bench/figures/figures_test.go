package figures

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

func TestMiddles(t *testing.T) {
	for _, c := range []struct {
		v                 []float64
		median, geometric float64
	}{
		{nil, 0, 0},
		{[]float64{3}, 3, 3},
		{[]float64{8, 2}, 5, 4},
		{[]float64{9, 1, 3}, 3, 3},
	} {
		if got := Median(c.v); got != c.median {
			t.Errorf("Median(%v) = %v, want %v", c.v, got, c.median)
		}
		if got := GeometricMean(c.v); math.Abs(got-c.geometric) > 1e-12 {
			t.Errorf("GeometricMean(%v) = %v, want %v", c.v, got, c.geometric)
		}
	}
}

func TestQuantile(t *testing.T) {
	v := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 4, 1: 5} {
		if got := Quantile(v, q); got != want {
			t.Errorf("Quantile(%v) = %v, want %v", q, got, want)
		}
	}
}

func TestMachineNamesWhatIsMissing(t *testing.T) {
	got := Machine([]string{"no-such-program", "--version"})
	if !strings.HasSuffix(got, ", no-such-program missing") {
		t.Errorf("Machine = %q", got)
	}
}

func TestStore(t *testing.T) {
	path, err := Store(t.TempDir(), "kind-", map[string]any{"machine": "m"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got["machine"] != "m" || got["date"] == "" || got["commit"] == "" || !strings.Contains(path, "/kind-") {
		t.Errorf("%s holds %v", path, got)
	}
	if _, err := Store(t.TempDir()+"/absent", "", nil); err == nil {
		t.Error("stored in a folder that is not there")
	}
}
