package pulse

import (
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"fishplate/cmd/fishplate/wanted"
	"fishplate/internal/admin"
	"fishplate/internal/doctor"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/netio"
)

// counts are counters of the process at one time.
type counts struct {
	listeners map[*netio.Tally]listening // by what stays when sockets are replaced
	refused   map[string]int64           // by listener
	cpu       time.Duration
}

// listening is a listener at one time.
type listening struct {
	name   string
	at     string // its address
	queue  doctor.OurQueue
	hits   int64
	looks  int64
	silent bool // the system tells nothing of its queues
}

// of looks at the queues of a listener.
func of(l *netio.Listener, name string) listening {
	t := l.Tally()
	n := listening{name: name, at: l.Addr().String(), queue: doctor.OurQueue{Shards: l.Shards(), Accepted: l.Accepted(), Shed: l.Shed()}, silent: true}
	n.hits, n.looks = l.Affinity()
	for _, q := range l.Queues() {
		if q.Cap < 0 {
			continue
		}
		if n.silent || q.Cap < n.queue.Granted {
			n.queue.Granted = q.Cap
		}
		n.silent = false
		n.queue.Len += q.Len
		if q.Drops < 0 {
			n.queue.Dropped = -1
		}
	}
	n.queue.Most, n.queue.Full = int(t.Most.Load()), t.Full.Load()
	if n.queue.Dropped == 0 {
		n.queue.Dropped = t.Dropped.Load()
	}
	return n
}

func (p *Pulse) counts() counts {
	c := counts{listeners: map[*netio.Tally]listening{}, refused: map[string]int64{}}
	for l, name := range p.o.Open() {
		c.listeners[l.Tally()] = of(l, name)
		c.refused[name] = p.o.Refused(name)
	}
	var use syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &use) == nil {
		c.cpu = time.Duration(use.Utime.Nano() + use.Stime.Nano())
	}
	return c
}

// since says what our configuration wants, and what happened since another time; nil
// when no configuration runs.
func (c counts) since(was counts, cfg *model.Config) *doctor.Ours {
	o := wanted.Of(cfg)
	if o == nil {
		return nil
	}
	backlogs := map[string]int{}
	for _, l := range cfg.Listeners {
		backlogs[l.Name] = l.Accept.Backlog
	}
	o.Listeners, o.Shards = nil, 0
	for t, n := range c.listeners {
		q, before := n.queue, was.listeners[t]
		q.Accepted -= before.queue.Accepted
		q.Shed -= before.queue.Shed
		if q.Dropped >= 0 {
			q.Dropped -= max(before.queue.Dropped, 0)
		}
		q.Refused = c.refused[n.name] - was.refused[n.name]
		host, port := wanted.Split(n.at)
		ours := doctor.OurListener{Name: n.name, Address: host, Port: port, Backlog: backlogs[n.name]}
		if !n.silent {
			ours.Queue = &q
		}
		o.Listeners, o.Shards = append(o.Listeners, ours), max(o.Shards, q.Shards)
	}
	o.Running = running()
	o.Running.CPU = (c.cpu - was.cpu).Seconds()
	return o
}

// running is what the system says of this process.
func running() *doctor.Running {
	r := &doctor.Running{PID: os.Getpid(), Procs: runtime.GOMAXPROCS(0)}
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil {
		r.Files = doctor.Limit{Soft: uint64(l.Cur), Hard: uint64(l.Max)}
	}
	// From Linux 6.2 on the size of the folder is how many it holds; to count them
	// takes long where there are many.
	if st, err := os.Stat("/proc/self/fd"); err == nil {
		r.Open = int(st.Size())
	}
	return r
}

// accept says how connections come in, by listener.
func (p *Pulse) accept() map[string]*admin.AcceptStatus {
	backlogs := map[string]int{}
	if cfg := p.o.Config(); cfg != nil {
		for _, l := range cfg.Listeners {
			backlogs[l.Name] = l.Accept.Backlog
		}
	}
	p.mu.Lock()
	lost := p.drops[1] - p.base
	p.mu.Unlock()
	list := map[string]*admin.AcceptStatus{}
	hits, looks := map[string]int64{}, map[string]int64{}
	for l, name := range p.o.Open() {
		n := of(l, name)
		a := list[name]
		if a == nil {
			a = &admin.AcceptStatus{Backlog: backlogs[name]}
			list[name] = a
		}
		a.Shards += n.queue.Shards
		if r := l.Rule(); r != "" {
			a.Spread = string(r)
		}
		a.Shed += n.queue.Shed
		hits[name] += n.hits
		looks[name] += n.looks
		if looks[name] > 0 {
			local := float64(hits[name]) / float64(looks[name])
			a.Local = &local
		}
		if n.silent {
			continue
		}
		join(&a.Granted, n.queue.Granted, func(a, b int) int { return min(a, b) })
		join(&a.Queue, n.queue.Len, func(a, b int) int { return a + b })
		join(&a.Most, n.queue.Most, func(a, b int) int { return max(a, b) })
		if n.queue.Dropped >= 0 {
			join(&a.Dropped, n.queue.Lost(lost).Dropped, func(a, b int64) int64 { return a + b })
		}
	}
	return list
}

// join adds a figure to others, of which there may be none yet.
func join[T any](to **T, n T, add func(a, b T) T) {
	if *to != nil {
		n = add(**to, n)
	}
	*to = &n
}

// Readings are the metrics of addresses and checks.
func (p *Pulse) Readings() []metrics.Reading {
	p.refresh()
	var list []metrics.Reading
	backlogs := map[string]int{}
	if cfg := p.o.Config(); cfg != nil {
		for _, l := range cfg.Listeners {
			backlogs[l.Name] = l.Accept.Backlog
		}
	}
	open := p.o.Open()
	p.mu.Lock()
	defer p.mu.Unlock()
	sets := map[*netio.Tally]*metrics.Set{}
	for l, name := range open {
		t := l.Tally()
		if sets[t] = p.sets[t]; sets[t] == nil {
			sets[t] = metrics.NewSet(0)
		}
		n := of(l, name)
		list = append(list, metrics.Reading{Table: &metrics.Address, Values: []string{name, n.at}, Set: sets[t], More: []int64{
			n.queue.Accepted, n.queue.Shed, max(n.queue.Lost(p.drops[1]-p.base).Dropped, 0), int64(n.queue.Shards), int64(n.queue.Len), int64(n.queue.Most),
			int64(backlogs[name]), int64(n.queue.Granted), n.looks, n.hits, l.Spun(),
		}})
	}
	p.sets = sets
	slices.SortFunc(list, func(a, b metrics.Reading) int { return slices.Compare(a.Values, b.Values) })
	for _, c := range p.checks {
		cells := make([]int64, len(doctor.Statuses()))
		cells[max(slices.Index(doctor.Statuses(), c.result.Finding.Status), 0)] = 1
		list = append(list, metrics.Reading{Table: &metrics.Check, Values: []string{c.result.Check.ID, string(c.result.Check.Scope)}, Set: c.set, More: cells})
	}
	if len(p.checks) > 0 {
		list = append(list, metrics.Reading{Table: &metrics.Namespace, Set: p.net, More: []int64{p.drops[0], p.drops[1]}})
	}
	return list
}
