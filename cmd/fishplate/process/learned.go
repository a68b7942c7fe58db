package process

import (
	"os"
	"time"

	"fishplate/cmd/fishplate/handover"
	"fishplate/internal/cache"
	"fishplate/internal/filter"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

// When a part of what was learned goes over: while the successor prepares itself,
// or when this process accepts nothing any more.
const (
	early = iota
	late
)

// parts are what was learned and no configuration says. Each has a version of its
// own: a binary that reads another one begins without that part.
func (p *Process) parts(when int) []handover.Part {
	if when == early {
		return []handover.Part{
			{Kind: "health", Version: 1, Longest: upstream.LongestRecord, Save: p.backends.SaveHealth, Load: p.backends.Inherit},
		}
	}
	return []handover.Part{
		{Kind: "sessions", Version: 1, Longest: upstream.LongestRecord, Save: p.backends.SaveSessions, Load: p.backends.Learn},
		{Kind: "rates", Version: 1, Longest: filter.RatesLongest, Save: p.proxy.Rates.Save, Load: p.proxy.Rates.Load},
		{Kind: "values", Version: 1, Longest: tenant.ValuesLongest, Save: p.tenants.SaveValues, Load: p.tenants.LoadValues},
	}
}

// give prepares to write parts. What fails of them is said, and nothing else.
func (p *Process) give(parts []handover.Part) (*handover.Giver, []*os.File, error) {
	return handover.Give(parts, func(kind string, err error) {
		p.logger.Warn("not handed over", "part", kind, "problem", err)
	})
}

// take reads parts.
func (p *Process) take(parts []handover.Part, kinds []string, files []*os.File) {
	handover.Take(parts, kinds, files, time.Now().Add(takeTime), func(kind string, err error) {
		p.logger.Warn("not taken over: it begins empty", "part", kind, "problem", err)
	})
}

// sendGo tells the successor to begin, and what was learned until now.
func (p *Process) sendGo(s *successor) error {
	g, files, err := p.give(p.parts(late))
	if err != nil {
		p.logger.Warn("nothing that was learned is handed over", "problem", err)
		return s.line.Send(msgGo, word{Objects: s.objects}, nil)
	}
	s.last = g
	g.Start(time.Now().Add(takeTime))
	err = s.line.Send(msgGo, word{g.Kinds(), s.objects}, files)
	closeFiles(files)
	return err
}

// How what caches have in memory goes over: objects while the successor prepares
// itself, and purges until this process ends. Both processes have the objects in
// memory for a while, so that they get no more than this share of what is free.
const memoryShare = 0.5

// lineTime is how long this process, which accepts nothing then, waits for the
// successor to have done the last purges.
const lineTime = 3 * time.Second

// drawLine waits until the successor has done what was purged while the disks were
// this process's. Without that it may not serve what it has.
func (p *Process) drawLine(s *successor) {
	begin := time.Now()
	h, err := s.relay.Line(lineTime)
	s.objects = err == nil
	if err != nil {
		p.logger.Warn("not handed over", "part", "memory of caches", "problem", err)
		return
	}
	p.logger.Info("memory of caches handed over", "objects", h.Objects, "bytes", h.Bytes, "left", h.Left, "waited", time.Since(begin).Round(time.Microsecond))
}

// takeMemory takes the objects over. What is returned is never nil.
func (p *Process) takeMemory(pipes []*os.File) *cache.Heir {
	if len(pipes) != 2 {
		return p.caches.Inherit(nil, nil)
	}
	begin := time.Now()
	heir := p.caches.Inherit(pipes[0], pipes[1])
	h, err := heir.Objects(begin.Add(prepareTime / 2))
	if err != nil {
		p.logger.Warn("not taken over: it begins empty", "part", "memory of caches", "problem", err)
		return heir
	}
	heir.Follow()
	p.logger.Info("memory of caches taken over", "objects", h.Objects, "bytes", h.Bytes, "left", h.Left, "seconds", time.Since(begin).Seconds())
	return heir
}
