package reloads

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// site is a configuration that can be changed a little, and written.
type site struct {
	addr     string
	servers  []string // that there are
	backends []backend
	vhosts   []vhost
}

type backend struct {
	name, balance string
	servers       []int // into site.servers
	weights       []int
}

type vhost struct {
	name   string
	hosts  []string
	routes []route
	last   string // backend of what no route takes
}

type route struct{ name, text string }

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// newSite has one backend and one virtual host.
func newSite(r *rand.Rand, addr string, servers []string) *site {
	s := &site{addr: addr, servers: servers}
	s.addBackend(r)
	s.addVHost(r)
	return s
}

func (s *site) addBackend(r *rand.Rand) {
	b := backend{name: s.fresh(r, "b", func(n string) bool {
		return slices.ContainsFunc(s.backends, func(b backend) bool { return b.name == n })
	}), balance: balances(r)}
	for i := range s.servers {
		if r.IntN(2) == 0 || i == 0 {
			b.servers, b.weights = append(b.servers, i), append(b.weights, 1+r.IntN(5)*50)
		}
	}
	s.backends = append(s.backends, b)
}

// balances are those whose choice depends on the request alone.
func balances(r *rand.Rand) string {
	return pick(r, `"path"`, `"ring"`, `"maglev"`, `"rendezvous"`, `"carp"`, `"source"`, `"first"`, `[hash(path, "rendezvous")]`, `[hash(host, "maglev")]`)
}

func (s *site) fresh(r *rand.Rand, letter string, taken func(string) bool) string {
	for {
		if n := fmt.Sprint(letter, r.IntN(40)); !taken(n) {
			return n
		}
	}
}

func (s *site) addVHost(r *rand.Rand) {
	v := vhost{name: s.fresh(r, "v", func(n string) bool {
		return slices.ContainsFunc(s.vhosts, func(v vhost) bool { return v.name == n })
	}), last: pick(r, s.backends...).name}
	for _, h := range hosts {
		taken := slices.ContainsFunc(s.vhosts, func(v vhost) bool { return slices.Contains(v.hosts, h) })
		if !taken && r.IntN(3) == 0 {
			v.hosts = append(v.hosts, h)
		}
	}
	if len(v.hosts) == 0 {
		v.hosts = []string{v.name + ".test"}
	}
	for range r.IntN(4) {
		s.addRoute(r, &v)
	}
	s.vhosts = append(s.vhosts, v)
}

// hosts, paths, methods and fields are what the probes are made of, too.
var (
	hosts   = []string{"a.test", "b.test", "*.b.test", "x.b.test", "c.test", "*.c.test"}
	paths   = []string{"/", "/img/x", "/img/deep/y.png", "/old/z", "/exact", "/api/v1?q=1"}
	methods = []string{"GET", "POST", "DELETE"}
)

func (s *site) addRoute(r *rand.Rand, v *vhost) {
	name := s.fresh(r, "r", func(n string) bool {
		return slices.ContainsFunc(v.routes, func(x route) bool { return x.name == n })
	})
	v.routes = slices.Insert(v.routes, r.IntN(len(v.routes)+1), route{name, s.routeText(r)})
}

func (s *site) routeText(r *rand.Rand) string {
	var b strings.Builder
	if r.IntN(4) > 0 {
		fmt.Fprintf(&b, "    path = %q\n", pick(r, "/img/*", "/img/deep/*", "/old/*", "/exact", "~^/api/", "~y$"))
	}
	if r.IntN(4) == 0 {
		fmt.Fprintf(&b, "    methods = [%q]\n", pick(r, methods...))
	}
	if r.IntN(3) == 0 {
		fmt.Fprintf(&b, "    when = %s\n", pick(r, `header("X-Key") == "1"`, `header("X-Key") != null`, `cookie("c") == "1"`, `query("q") == "1" || method == "POST"`, `cidr(client.ip, "127.0.0.0/8")`, `fraction("50%", path)`))
	}
	to := pick(r, s.backends...).name
	switch r.IntN(6) {
	case 0:
		fmt.Fprintf(&b, "    respond {\n      status = %d\n      body = \"answer %d\"\n    }\n", pick(r, 200, 404, 418), r.IntN(100))
	case 1:
		fmt.Fprintf(&b, "    redirect {\n      status = %d\n      to = %q\n    }\n", pick(r, 301, 302, 308), pick(r, "/new${path_tail}", "https://other.test${path}"))
	case 2:
		fmt.Fprintf(&b, "    backend = %q\n    request {\n      set = { X-Set = %q }\n      rewrite = %q\n    }\n", to, fmt.Sprint("r", r.IntN(50)), pick(r, "/v2${path}", "/one"))
	case 3:
		fmt.Fprintf(&b, "    backend = %q\n    response {\n      set = { X-Back = \"%d\" }\n    }\n", to, r.IntN(50))
	case 4:
		fmt.Fprintf(&b, "    backend = %q\n    limits {\n      body = \"%dB\"\n      %s\n    }\n", to, 1+r.IntN(30), pick(r, `deny = ["127.0.0.1/32"]`, `allow = ["127.0.0.0/8"]`, ""))
	default:
		fmt.Fprintf(&b, "    backend = %q\n", to)
	}
	return b.String()
}

// step changes one thing.
func (s *site) step(r *rand.Rand) {
	v, b := &s.vhosts[r.IntN(len(s.vhosts))], &s.backends[r.IntN(len(s.backends))]
	switch r.IntN(9) {
	case 0:
		if len(s.vhosts) < 6 {
			s.addVHost(r)
		}
	case 1:
		if len(s.vhosts) > 1 {
			i := r.IntN(len(s.vhosts))
			s.vhosts = slices.Delete(s.vhosts, i, i+1)
		}
	case 2:
		if len(s.backends) < 5 {
			s.addBackend(r)
		}
	case 3:
		b.balance = balances(r)
	case 4:
		b.weights[r.IntN(len(b.weights))] = 1 + r.IntN(300)
	case 5:
		if len(b.servers) > 1 {
			i := r.IntN(len(b.servers))
			b.servers, b.weights = slices.Delete(b.servers, i, i+1), slices.Delete(b.weights, i, i+1)
		} else if free := (b.servers[0] + 1) % len(s.servers); !slices.Contains(b.servers, free) {
			b.servers, b.weights = append(b.servers, free), append(b.weights, 100)
		}
	case 6:
		if len(v.routes) > 0 {
			v.routes[r.IntN(len(v.routes))].text = s.routeText(r)
		}
	case 7:
		if len(v.routes) > 0 {
			i := r.IntN(len(v.routes))
			v.routes = slices.Delete(v.routes, i, i+1)
		}
	default:
		if len(v.routes) < 8 {
			s.addRoute(r, v)
		}
	}
	r.Shuffle(len(s.vhosts), func(i, j int) {
		if r.IntN(4) == 0 { // pieces move about in the file
			s.vhosts[i], s.vhosts[j] = s.vhosts[j], s.vhosts[i]
		}
	})
}

// text writes the site; the harness puts the admin socket before it.
func (s *site) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "listener \"web\" {\n  bind = [%q]\n}\n", s.addr)
	for _, back := range s.backends {
		fmt.Fprintf(&b, "backend %q {\n  balance = %s\n", back.name, back.balance)
		for i, n := range back.servers {
			fmt.Fprintf(&b, "  server \"s%d\" {\n    address = %q\n    weight = %d\n  }\n", n, s.servers[n], back.weights[i])
		}
		b.WriteString("}\n")
	}
	for _, v := range s.vhosts {
		fmt.Fprintf(&b, "vhost %q {\n  hosts = [\"%s\"]\n", v.name, strings.Join(v.hosts, `", "`))
		for _, rt := range v.routes {
			fmt.Fprintf(&b, "  route %q {\n%s  }\n", rt.name, rt.text)
		}
		fmt.Fprintf(&b, "  backend = %q\n}\n", v.last)
	}
	return b.String()
}
