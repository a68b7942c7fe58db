package diff

import (
	"strconv"

	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

func (s *sheet) listener(l *model.Listener) {
	s.words("bind", l.Bind)
	s.words("protocols", l.Protocols)
	s.nets("forwarded.trust", l.Forwarded.Trust)
	s.words("forwarded.send", l.Forwarded.Send)
	s.text("path.slashes", l.Slashes)
	s.nets("proxy_protocol.from", l.ProxyFrom)
	s.int("accept.shards", l.Accept.Shards)
	s.text("accept.spread", l.Accept.Spread)
	s.int("accept.backlog", l.Accept.Backlog)
	s.dur("accept.defer", l.Accept.Defer)
	s.flag("accept.fast_open", l.Accept.FastOpen)
	s.dur("accept.spin", l.Accept.Spin)
	s.flag("accept.spin_auto", l.Accept.SpinAuto)
	s.int("limits.connections", l.Limits.Connections)
	s.int("limits.per_client", l.Limits.PerClient)
	s.size("limits.head", int64(l.Limits.HeadBytes))
	s.int("limits.fields", l.Limits.Fields)
	s.size("limits.target", int64(l.Limits.TargetBytes))
	s.size("limits.body_rate", l.Limits.BodyRate)
	s.dur("timeouts.head", l.Timeouts.Head)
	s.dur("timeouts.body", l.Timeouts.Body)
	s.dur("timeouts.idle", l.Timeouts.Idle)
	s.dur("timeouts.write", l.Timeouts.Write)
	s.dur("timeouts.tunnel", l.Timeouts.Tunnel)
	if t := l.TLS; s.present("tls", t != nil) {
		s.words("tls.certificates", t.Certificates)
		s.text("tls.min_version", t.MinVersion)
		s.text("tls.default", t.Default)
		s.text("tls.client_ca", t.ClientCA)
		s.text("tls.client_auth", t.ClientAuth)
		s.dur("tls.tickets", t.Tickets)
		s.flag("tls.tickets_off", t.TicketsOff)
		s.words("tls.curves", t.Curves)
	}
}

func (s *sheet) certificate(c *model.Certificate) {
	s.text("cert", c.Cert)
	s.text("key", c.Key)
}

func (s *sheet) tenant(t *model.Tenant) {
	s.text("program", t.Program)
	if g := t.Given; g != nil {
		s.text("program.sha256", g.SHA256)
		s.text("program.instead_of", g.Over)
		s.text("program.version", strconv.Itoa(g.Version))
		s.text("program.signature", g.Signature)
	}
	s.words("arguments", t.Arguments)
	s.size("memory", t.Memory)
	s.text("instructions", unlessZero(t.Instructions, formatCount))
	s.dur("time", t.Time)
	s.int("concurrency", t.Concurrency)
	s.int("queue", t.QueueLimit)
	s.int("share", t.Share)
	s.words("backends", t.Backends)
	s.size("storage.memory", t.Storage)
	s.text("on_fault", t.OnFault)
	s.text("jit", t.JIT)
	s.text("rate", unlessZero(t.Rate, formatCount))
	s.int("forks", t.Forks)
	s.int("fetches", t.Fetches)
	s.size("max_response", t.Response)
	s.text("log_rate", unlessZero(t.LogRate, schema.FormatRate))
	s.text("update.key", t.Key)
	s.size("update.max_size", t.Update.Size)
	s.words("update.warm_up", t.WarmUp)
	s.text("update.rate", unlessZero(t.Update.Rate, schema.FormatRate))
	var tokens []string
	for _, x := range t.Tokens {
		tokens = append(tokens, x.Name+" "+x.Hash)
	}
	s.words("tokens", tokens)
	if x := t.Shadow; s.present("shadow", x != nil) {
		s.text("shadow.program", x.Program)
		s.percent("shadow.share", x.Share)
	}
	s.percent("debug.record", t.Debug.Record)
	s.flag("debug.on_fault", t.Debug.OnFault)
	s.size("debug.ring", t.Debug.Ring)
	s.flag("from_file", t.FromFile)
	s.policy(t.Cache)
}

func (s *sheet) log(l *model.Log) {
	s.text("path", l.Path)
	s.text("format", l.Format)
	s.percent("sample", l.Sample)
}
