package measure

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	"fishplate/internal/doctor/cpu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAll asks for figures that are possible at all: how good they are is the
// machine's.
func TestAll(t *testing.T) {
	r, errs := All(t.Context())
	for _, err := range errs {
		if runtime.NumCPU() > 1 {
			t.Error(err)
		}
	}
	want := []string{cpu.ClockVDSO, cpu.AES, cpu.Sign, cpu.Copy}
	if runtime.GOOS == "linux" {
		want = append(want, cpu.Syscall, cpu.ClockCall, cpu.Fault, cpu.WakeSame, cpu.CRR, cpu.CRRLatency)
		for _, name := range []string{cpu.Slack, cpu.Jitter, cpu.Gaps} { // which may be nothing
			if v, ok := r[name]; !ok || v < 0 {
				t.Errorf("%s: %g, %v", name, v, ok)
			}
		}
		if runtime.NumCPU() > 1 {
			want = append(want, cpu.WakeCross)
		}
	}
	for _, name := range want {
		if r[name] <= 0 {
			t.Errorf("%s: %g", name, r[name])
		}
	}
	t.Log(r)
}

// TestEnded: nothing is measured for somebody who has gone.
func TestEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, errs := All(ctx); len(r) != 0 || len(errs) != 1 {
		t.Errorf("%v, %v", r, errs)
	}
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		list []float64
		q    float64
		want float64
	}{{[]float64{5, 1, 4, 2, 3}, 0.5, 3}, {[]float64{5, 1, 4, 2, 3}, 0.99, 5}, {[]float64{7}, 0.5, 7}} {
		if got, err := quantile(c.list, c.q); err != nil || got != c.want {
			t.Errorf("quantile(%v, %v) = %v, %v", c.list, c.q, got, err)
		}
	}
	if _, err := median(nil); !errors.Is(err, errNothing) {
		t.Errorf("of nothing: %v", err)
	}
}
