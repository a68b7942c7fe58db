package wanted

import (
	"runtime"

	"fishplate/internal/model"
	"fishplate/internal/netio"
)

// How many sockets share an address when the configuration leaves it to us: one as
// long as one goroutine that accepts keeps the other processor busy, and no more
// than the kernel looks through for each connection without its being felt.
const (
	fewProcessors = 2
	mostShards    = 64
)

// Shards is how many sockets listen at each address of a listener: as configured,
// or by the processors that we may use, whether affinity or a control group's quota
// bounds them.
func Shards(a model.Accept) int { return shardsFor(a.Shards, runtime.GOMAXPROCS(0)) }

func shardsFor(configured, processors int) int {
	switch {
	case configured > 0:
		return configured
	case processors <= fewProcessors:
		return 1
	}
	return min(processors, mostShards)
}

// Options are those of a listener's sockets. Why says why no better way to spread
// clients is used, if there is one; auto says how long an empty queue is looked at
// where the configuration leaves it to the machine.
func Options(a model.Accept, kernel *netio.Spreads, auto *netio.SpinAuto) (o netio.ListenOptions, why string) {
	o = netio.ListenOptions{Shards: Shards(a), Backlog: a.Backlog, Defer: a.Defer, FastOpen: a.FastOpen, Spin: netio.SpinRule{Most: a.Spin}}
	if a.SpinAuto {
		auto.Find()
		o.Spin = netio.SpinRule{Auto: auto}
	}
	o.Spread, why = kernel.Choose(a.Spread, o.Shards)
	return o, why
}
