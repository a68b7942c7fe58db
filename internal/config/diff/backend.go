package diff

import (
	"strings"

	"fishplate/internal/model"
)

func (s *sheet) backend(b *model.Backend, servers []string) {
	s.balance(b.Balance)
	s.text("protocol", b.Protocol)
	s.dur("grace", b.Grace)
	s.dur("slow_start", b.SlowStart)
	s.order("servers", servers)
	if d := b.Discover; s.present("discover", d != nil) {
		s.text("discover.kind", d.Kind)
		s.text("discover.name", d.Name)
		s.int("discover.port", d.Port)
		s.text("discover.type", d.Type)
		s.text("discover.resolver", d.Resolver)
		s.int("discover.min", d.Min)
	}
	if t := b.TLS; s.present("tls", t != nil) {
		s.text("tls.ca", t.CA)
		s.text("tls.server_name", t.ServerName)
		s.text("tls.cert", t.Cert)
		s.text("tls.key", t.Key)
		s.text("tls.verify", map[bool]string{true: "off", false: "on"}[t.InsecureSkipVerify])
	}
	s.health(b)
	if q := b.Queue; s.present("queue", q != nil) {
		s.int("queue.limit", q.Limit)
		s.dur("queue.timeout", q.Timeout)
		s.expr("queue.priority", q.Priority)
	}
	s.int("retry.attempts", b.Retry.Attempts)
	s.words("retry.on", b.Retry.On)
	s.percent("retry.budget", b.Retry.Budget)
	s.persist(b.Persist)
	s.dur("timeouts.connect", b.Timeouts.Connect)
	s.dur("timeouts.first_byte", b.Timeouts.FirstByte)
	s.dur("timeouts.idle", b.Timeouts.Idle)
	s.int("pool.idle", b.Pool.Idle)
	s.dur("pool.max_age", b.Pool.MaxAge)
}

// balance compares the steps, and the text that other rooms may show.
func (s *sheet) balance(b model.Balance) {
	steps := make([]string, len(b.Steps))
	for i, st := range b.Steps {
		if steps[i] = st.String(); steps[i] == "" {
			steps[i] = "?"
		}
	}
	text := strings.Join(steps, " | ")
	s.text("balance", text)
	if b.Text != text {
		s.text("balance.text", b.Text)
	}
}

func (s *sheet) health(b *model.Backend) {
	if c := b.Check; s.present("check", c != nil) {
		s.text("check.kind", c.Kind)
		s.text("check.path", c.Path)
		s.text("check.host", c.Host)
		s.int("check.status.low", c.StatusLow)
		s.int("check.status.high", c.StatusHigh)
		s.dur("check.interval", c.Interval)
		s.dur("check.timeout", c.Timeout)
		s.int("check.rise", c.Rise)
		s.int("check.fall", c.Fall)
		s.text("check.load_header", c.LoadHeader)
	}
	if e := b.Eject; s.present("eject", e != nil) {
		s.int("eject.errors", e.Errors)
		s.dur("eject.window", e.Window)
		s.dur("eject.for", e.For)
		s.percent("eject.max", e.Max)
	}
}

func (s *sheet) persist(p *model.Persist) {
	if !s.present("persist", p != nil) {
		return
	}
	s.text("persist.kind", p.Kind)
	s.text("persist.mode", p.Mode)
	s.text("persist.name", p.Name)
	s.int("persist.mask", p.Mask)
	s.int("persist.mask6", p.Mask6)
	s.dur("persist.max_age", p.MaxAge)
	s.dur("persist.idle", p.Idle)
	s.text("persist.path", p.Path)
	s.text("persist.domain", p.Domain)
	s.flag("persist.http_only", p.HTTPOnly)
	s.flag("persist.secure", p.Secure)
	s.text("persist.same_site", p.SameSite)
	s.int("persist.size", p.Size)
	s.dur("persist.age", p.Age)
	s.text("persist.on_down", p.OnDown)
	s.text("persist.follow", p.Follow)
}

func (s *sheet) server(v *model.Server) {
	s.text("address", v.Address)
	s.int("weight", v.Weight)
	s.int("max_connections", v.MaxConnections)
	s.dur("slow_start", v.SlowStart)
	s.written("grace", v.Grace)
	s.flag("backup", v.Backup)
	s.text("state", v.State)
	s.text("zone", v.Zone)
}
