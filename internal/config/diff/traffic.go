package diff

import (
	"fmt"
	"strconv"
	"strings"

	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

func formatCount(n uint64) string { return strconv.FormatUint(n, 10) }

func (s *sheet) vhost(v *model.VHost, routes []string) {
	s.words("hosts", v.Hosts)
	s.words("sni", v.SNI)
	s.text("tenant", v.Tenant)
	s.policy(v.Cache)
	s.order("routes", routes)
}

func (s *sheet) route(r *model.Route) {
	s.text("path", r.Path)
	s.words("methods", r.Methods)
	s.expr("when", r.When)
	s.text("backend", r.Backend)
	shares := make([]string, len(r.Split))
	for i, sh := range r.Split {
		shares[i] = sh.Backend + ": " + schema.FormatPercent(sh.Fraction)
	}
	s.text("split", strings.Join(shares, ", "))
	s.text("mirror", r.Mirror)
	if d := r.Redirect; s.present("redirect", d != nil) {
		s.int("redirect.status", d.Status)
		s.expr("redirect.to", d.To)
	}
	if d := r.Respond; s.present("respond", d != nil) {
		s.int("respond.status", d.Status)
		s.text("respond.body", string(d.Body))
		s.fields("respond.headers", d.Headers)
	}
	s.text("tenant", r.Tenant)
	s.expr("tenant_argument", r.TenantArgument)
	s.edits("request", r.Request)
	s.edits("response", r.Response)
	s.size("limits.body", r.Limits.Body)
	s.nets("limits.allow", r.Limits.Allow)
	s.nets("limits.deny", r.Limits.Deny)
	for i, l := range r.Limits.Rates {
		name := fmt.Sprintf("limits.rate.%s", l.Name)
		s.int(name+".order", i)
		s.expr(name+".key", l.Key)
		s.text(name+".rate", schema.FormatRate(l.Rate))
		s.int(name+".burst", l.Burst)
	}
	s.dur("timeouts.first_byte", r.FirstByte)
	s.policy(r.Cache)
}
