package config

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/config/advice"
	"fishplate/internal/config/render"
	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

func (l *loader) vhost(n *node) *model.VHost {
	v := &model.VHost{Name: n.label, SNI: n.words("sni"), Tenant: n.str("tenant"), At: n.at, Cache: l.policy(n)}
	for _, h := range n.words("hosts") {
		name, err := advice.HostName(h)
		if err != nil {
			l.errorf(n.rangeOf("hosts"), err.Error(), "", `names stand without scheme, port and path: "shop.example", "*.shop.example"`)
			continue
		}
		v.Hosts = append(v.Hosts, name)
	}
	for _, s := range v.SNI {
		if _, err := advice.HostName(s); err != nil && s != "*" {
			l.errorf(n.rangeOf("sni"), err.Error(), "", `a server name is one such as "shop.example", or "*.shop.example"; "*" alone is every tunnel that no other name fits`)
		}
	}
	v.Tenant = l.tenantOf(v.Tenant, v.Hosts)
	for _, r := range n.kids["route"] {
		v.Routes = append(v.Routes, l.route(r, v))
	}
	l.lastRoute(n, v)
	if len(v.Routes) == 0 && !l.broken {
		l.errorf(n.at, fmt.Sprintf("vhost %q has no route", n.label), "", `write backend = "NAME" in it, or a route block`)
	}
	return v
}

// tenantOf is the tenant of a vhost: the one that is written, else that of a
// tenants file which bears one of its names.
func (l *loader) tenantOf(written string, hosts []string) string {
	if written == "off" {
		return ""
	}
	for _, h := range hosts {
		if t := l.owners[h]; t != nil && written == "" {
			return t.Name
		}
	}
	return written
}

// lastRoute adds the route "all" that backend, split or tenant in a vhost stand for.
func (l *loader) lastRoute(n *node, v *model.VHost) {
	all := func(r *model.Route) bool { return r.Name == "all" }
	explicit := n.has("backend") || n.has("split")
	if n.has("backend") && n.has("split") {
		l.errorf(n.attrs["split"].name, "a vhost has either backend or split", "", "keep one of them")
	}
	if explicit && slices.ContainsFunc(v.Routes, all) {
		l.errorf(n.at, fmt.Sprintf("vhost %q has a route \"all\" and a backend or split, which is short for one", v.Name), "", "drop one of the two")
		return
	}
	if !explicit && (v.Tenant == "" || slices.ContainsFunc(v.Routes, func(r *model.Route) bool { return all(r) || advice.CatchesAll(r) })) {
		return
	}
	v.Routes = append(v.Routes, &model.Route{Name: "all", Backend: n.str("backend"), Split: l.shares(n), Tenant: v.Tenant, At: n.at})
}

func (l *loader) route(n *node, v *model.VHost) *model.Route {
	r := &model.Route{
		Name: n.label, Path: n.str("path"), Methods: n.words("methods"), Backend: n.str("backend"), Split: l.shares(n), Mirror: n.str("mirror"),
		Tenant: v.Tenant, FirstByte: n.kid("timeouts").dur("first_byte"), Cache: l.policy(n), At: n.at,
	}
	if n.has("tenant") {
		r.Tenant = strings.TrimPrefix(n.str("tenant"), "off")
	}
	l.guest = r.Tenant
	defer func() { l.guest = "" }()
	if n.has("tenant_argument") {
		r.TenantArgument = l.text(n.raw("tenant_argument"), false)
	}
	if problem, suggestion := advice.Path(r.Path, &l.patterns); problem != "" {
		l.errorf(n.rangeOf("path"), problem, "", suggestion)
	}
	for _, m := range r.Methods {
		if m == "" || strings.ToUpper(m) != m {
			l.errorf(n.rangeOf("methods"), fmt.Sprintf("%q is not a method: methods are upper case", m), "", schema.DidYouMean(strings.ToUpper(m), []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}))
		}
	}
	if n.has("when") {
		r.When = l.condition(n.raw("when"))
	}
	r.Request, r.Response = l.edits(n.kid("request"), false), l.edits(n.kid("response"), true)
	l.answers(n, r)
	l.routeLimits(n.kid("limits"), r)
	l.oneAction(n, r)
	return r
}

func (l *loader) answers(n *node, r *model.Route) {
	if d := n.find("redirect"); d != nil {
		r.Redirect = &model.Redirect{Status: d.num("status")}
		if !slices.Contains([]int{301, 302, 303, 307, 308}, r.Redirect.Status) {
			l.errorf(d.rangeOf("status"), fmt.Sprintf("%d is no redirect: 301, 302, 303, 307 or 308 is allowed", r.Redirect.Status), "", "")
		}
		if d.has("to") {
			r.Redirect.To = l.text(d.raw("to"), false)
		}
	}
	if d := n.find("respond"); d != nil {
		r.Respond = &model.Respond{Status: d.num("status"), Headers: l.fields(d, "headers", false)}
		if s := d.str("body"); s != "" {
			r.Respond.Body = l.body(s)
		}
	}
}

// body is an answer's, which all that give the same share.
func (l *loader) body(text string) []byte {
	if l.bodies[text] == nil {
		l.bodies[text] = []byte(text)
	}
	return l.bodies[text]
}

func (l *loader) routeLimits(n *node, r *model.Route) {
	r.Limits = model.RouteLimits{Body: n.size("body"), Allow: n.nets("allow"), Deny: n.nets("deny")}
	for _, k := range n.kids["rate"] {
		limit := model.RateLimit{Name: k.label, Rate: k.frac("rate"), Burst: k.num("burst")}
		if limit.Burst == 0 {
			limit.Burst = max(1, int(math.Ceil(limit.Rate)))
		}
		if k.has("key") {
			limit.Key = l.text(k.raw("key"), false)
		}
		r.Limits.Rates = append(r.Limits.Rates, limit)
	}
}

// oneAction refuses a route that decides nothing, or two things.
func (l *loader) oneAction(n *node, r *model.Route) {
	var actions []string
	for _, name := range []string{"backend", "split", "redirect", "respond"} {
		if n.has(name) || n.find(name) != nil {
			actions = append(actions, name)
		}
	}
	switch {
	case len(actions) > 1:
		l.errorf(n.at, fmt.Sprintf("route %q does %d things: %s", r.Name, len(actions), strings.Join(actions, ", ")), "", "keep one of them")
	case len(actions) == 0 && r.Tenant == "":
		l.errorf(n.at, fmt.Sprintf("route %q does nothing", r.Name), "", "it needs one of backend, split, redirect, respond or tenant")
	}
	if r.Mirror != "" && (r.Redirect != nil || r.Respond != nil) {
		l.errorf(n.rangeOf("mirror"), "a route that answers itself has nothing to mirror", "", "")
	}
}

// shares reads split: names and percentages, 100% in sum.
func (l *loader) shares(n *node) []model.Share {
	if !n.has("split") {
		return nil
	}
	var out []model.Share
	sum := 0.0
	for _, p := range l.pairs(n.raw("split"), "split", `{ app = "90%", canary = "10%" }`) {
		row := &schema.Row{Attr: &schema.Attr{Name: p.key, Kind: schema.PercentT, Range: "0%..100%"}}
		f, ok := l.convert(row, p.value).(float64)
		if !ok {
			return nil
		}
		out = append(out, model.Share{Backend: p.key, Fraction: f})
		sum += f
	}
	if len(out) > 0 && math.Abs(sum-1) > 1e-6 {
		l.errorf(n.rangeOf("split"), fmt.Sprintf("the shares of split are %s in sum, not 100%%", schema.FormatPercent(sum)), "", "")
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Backend < out[j].Backend })
	return out
}

// pair is one entry of a map attribute.
type pair struct {
	key   string
	at    model.Range
	value hclsyntax.Expression
}

// pairs reads a map whose keys are plain words and whose values are read later.
// A map that comes from a local is taken apart the same way.
func (l *loader) pairs(e hclsyntax.Expression, name, example string) []pair {
	obj, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		v, good := l.scope.eval(e)
		if good && !v.IsNull() && (v.Type().IsObjectType() || v.Type().IsMapType()) {
			var out []pair
			for k, x := range v.AsValueMap() {
				out = append(out, pair{k, e.Range(), render.Lift(x, e.Range())})
			}
			sort.Slice(out, func(i, j int) bool { return out[i].key < out[j].key })
			return out
		}
		if good {
			l.errorf(e.Range(), fmt.Sprintf("%q is a map, not %s", name, schema.TypeName(v.Type())), "", "write "+name+" = "+example)
		}
		return nil
	}
	var out []pair
	seen := map[string]bool{}
	for _, it := range obj.Items {
		key, diags := l.scope.meter.Value(it.KeyExpr, nil)
		if diags.HasErrors() || key.IsNull() || !key.IsKnown() || key.Type() != cty.String {
			l.errorf(it.KeyExpr.Range(), fmt.Sprintf("a name in %q is a plain word", name), "", "write "+name+" = "+example)
			continue
		}
		k := key.AsString()
		if seen[strings.ToLower(k)] {
			l.errorf(it.KeyExpr.Range(), fmt.Sprintf("%q is written twice in %q", k, name), "", "")
			continue
		}
		seen[strings.ToLower(k)] = true
		out = append(out, pair{k, it.KeyExpr.Range(), it.ValueExpr})
	}
	return out
}

// edits reads request and response blocks.
func (l *loader) edits(n *node, response bool) model.Edits {
	e := model.Edits{Set: l.fields(n, "set", response), Add: l.fields(n, "add", response), Remove: n.words("remove")}
	for _, name := range e.Remove {
		l.fieldName(name, n, n.rangeOf("remove"))
	}
	if !response && n.has("rewrite") {
		e.Rewrite = l.text(n.raw("rewrite"), false)
	}
	return e
}

func (l *loader) fields(n *node, name string, response bool) []model.FieldEdit {
	if !n.has(name) {
		return nil
	}
	var out []model.FieldEdit
	for _, p := range l.pairs(n.raw(name), name, `{ X-Name = "value" }`) {
		l.fieldName(p.key, n, p.at)
		out = append(out, model.FieldEdit{Name: p.key, Value: l.text(p.value, response)})
	}
	return out
}

// fieldName refuses what is no field name, and fields that belong to the codec.
func (l *loader) fieldName(name string, _ *node, at model.Range) {
	if !advice.Token(name) {
		l.errorf(at, fmt.Sprintf("%q is not a field name", name), advice.TokenRule, "")
	}
	switch strings.ToLower(name) {
	case "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "proxy-connection":
		l.errorf(at, fmt.Sprintf("%q belongs to the connection and cannot be edited", name), "Framing and hop-by-hop fields are written by the proxy itself.", "")
	}
}
