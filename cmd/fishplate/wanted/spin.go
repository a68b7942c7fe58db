package wanted

import (
	"log/slog"
	"time"

	"fishplate/cmd/fishplate/machine"
	"fishplate/internal/doctor"
	"fishplate/internal/netio"
)

const (
	// worth is how long it pays to look before sleeping, where it pays: what an answer
	// and the next connection of a busy client take.
	worth = 50 * time.Microsecond
	// dear is a wake-up that costs more than looking.
	dear = 20 * time.Microsecond
	// busy is more than any machine takes to wake a processor that has nothing else to
	// do: who spins then takes it from others.
	busy = 500 * time.Microsecond
	// brief is how long wake-ups are measured at the start.
	brief = 20 * time.Millisecond
)

// NewSpin returns for how long accepting looks at an empty queue before it sleeps,
// where the configuration leaves that to the machine. It is measured when that is so.
func NewSpin(logger *slog.Logger) *netio.SpinAuto {
	return netio.NewSpinAuto(func() time.Duration {
		most, why := spinFor(machine.Paid("/"), doctor.WakeUp)
		logger.Info("accept.spin", "auto", most, "because", why)
		return most
	})
}

func spinFor(paid string, wakeUp func(time.Duration) (time.Duration, error)) (most time.Duration, why string) {
	if paid != "" {
		return 0, "the processors' time is counted by " + paid
	}
	cost, err := wakeUp(brief)
	switch {
	case err != nil:
		return 0, err.Error()
	case cost > busy:
		return 0, "the processors are busy: waking another one and back took " + cost.String()
	case cost <= dear:
		return 0, "waking another processor and back takes " + cost.String()
	}
	return worth, "waking another processor and back takes " + cost.String()
}
