package see

import "sync"

// remembering asks a probe for each thing once, so that all checks of one run see
// the same state, and a later run can subtract it. Processor leaves and registers
// are cheap and do not count anything: they are asked each time.
type remembering struct {
	Probe
	network func() Network
	self    func() Self

	mu    sync.Mutex
	cards map[string]func() (Ethtool, error)
}

func remember(p Probe) Probe {
	if r, ok := p.(*remembering); ok {
		p = r.Probe
	}
	return &remembering{
		Probe:   p,
		network: sync.OnceValue(func() Network { return p.Network() }),
		self:    sync.OnceValue(func() Self { return p.Self() }),
		cards:   map[string]func() (Ethtool, error){},
	}
}

func (r *remembering) Network() Network { return r.network() }
func (r *remembering) Self() Self       { return r.self() }

func (r *remembering) Ethtool(name string) (Ethtool, error) {
	r.mu.Lock()
	ask, ok := r.cards[name]
	if !ok {
		ask = sync.OnceValues(func() (Ethtool, error) { return r.Probe.Ethtool(name) })
		r.cards[name] = ask
	}
	r.mu.Unlock()
	return ask()
}
