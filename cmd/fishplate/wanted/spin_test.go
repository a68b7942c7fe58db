package wanted

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"fishplate/internal/doctor"
	"fishplate/internal/model"
	"fishplate/internal/netio"
)

func TestSpinPaysWhereWakeUpsAreDear(t *testing.T) {
	for _, tt := range []struct {
		paid string
		cost time.Duration
		err  error
		want time.Duration
		says string
	}{
		{"", 60 * time.Microsecond, nil, 50 * time.Microsecond, "takes 60µs"},
		{"", 20 * time.Microsecond, nil, 0, "takes 20µs"},
		{"", 14 * time.Millisecond, nil, 0, "are busy"},
		{"", 0, errors.New("only one processor"), 0, "only one processor"},
		{"credits", 60 * time.Microsecond, nil, 0, "counted by credits"},
	} {
		most, why := spinFor(tt.paid, func(time.Duration) (time.Duration, error) { return tt.cost, tt.err })
		if most != tt.want || !strings.Contains(why, tt.says) {
			t.Errorf("%+v: %v, %q", tt, most, why)
		}
	}
}

// TestSpinOfAListener: it is measured only where a listener leaves it to the machine.
func TestSpinOfAListener(t *testing.T) {
	var kernel netio.Spreads
	asked := make(chan bool, 1)
	auto := netio.NewSpinAuto(func() time.Duration {
		asked <- true
		return time.Millisecond
	})
	o, _ := Options(model.Accept{Shards: 1, Spin: time.Microsecond}, &kernel, auto)
	if got := o.Spin.For(); got != time.Microsecond || len(asked) != 0 {
		t.Errorf("%v, want 1µs; measured %d times", got, len(asked))
	}
	o, _ = Options(model.Accept{Shards: 1, SpinAuto: true}, &kernel, auto)
	<-asked
	for o.Spin.For() != time.Millisecond {
		runtime.Gosched()
	}
}

// TestSpinIsDecidedHere: whatever this machine is, it is said why.
func TestSpinIsDecidedHere(t *testing.T) {
	most, why := spinFor("", doctor.WakeUp)
	if most != 0 && most != worth || why == "" {
		t.Errorf("%v, %q", most, why)
	}
}
