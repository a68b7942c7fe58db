package router

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

var clientIP = netip.MustParseAddr("192.0.2.77")

// table is 1,000 vhosts of 20 routes: exact paths, prefixes at two depths,
// methods, a regular expression, predicates, and a last one for the rest.
func table() []*model.VHost {
	var vhosts []*model.VHost
	for v := range 1000 {
		hosts := fmt.Sprintf("shop%d.example www.shop%d.example", v, v)
		if v%10 == 0 {
			hosts += fmt.Sprintf(" *.shop%d.example", v)
		}
		var routes []string
		for i := range 6 {
			routes = append(routes, fmt.Sprintf("exact%d /page/%d/index.html", i, i), fmt.Sprintf("prefix%d /section%d/*", i, i), fmt.Sprintf("deep%d /api/v%d/* GET,HEAD", i, i))
		}
		routes = append(routes, `beta - - cookie("beta") == "1" || cidr(client.ip, "10.0.0.0/8")`, "all -")
		vhosts = append(vhosts, vhostOf(fmt.Sprintf("v%d", v), hosts, routes...))
	}
	return vhosts
}

func BenchmarkMatch(b *testing.B) {
	r, err := New(table(), predicate.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct{ name, host, path, want string }{
		{"exact", "www.shop%d.example", "/page/5/index.html", "exact5"},
		{"prefix", "shop%d.example", "/section5/images/logo.png", "prefix5"},
		{"deep", "shop%d.example", "/api/v5/users/42", "deep5"},
		{"predicate", "shop%d.example", "/something/else/entirely", "all"},
		{"wildcard", "a.b.shop%d0.example", "/section3/a", "prefix3"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			// Many hosts in turn, so that no cache holds the answer.
			var envs []*predicate.Env
			for i := range 1000 {
				if bb.name == "wildcard" {
					i = 1 + i%99
				}
				e := request("GET", fmt.Sprintf(bb.host, i), bb.path)
				e.Req.Add("User-Agent", "curl/8")
				e.Req.Add("Accept", "*/*")
				e.Req.Add("Cookie", "session=0123456789abcdef; theme=dark")
				e.Req.ClientIP = clientIP
				envs = append(envs, e)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if rt, _ := r.Match(envs[i%1000]); rt == nil || rt.Model.Name != bb.want {
					b.Fatalf("route %v, want %s", rt, bb.want)
				}
				i++
			}
		})
	}
}

// BenchmarkNew reports what a route costs in memory, beside its model.
func BenchmarkNew(b *testing.B) {
	vhosts := table()
	var before, after runtime.MemStats
	b.Run("all", func(b *testing.B) {
		var r *Router
		runtime.GC()
		runtime.ReadMemStats(&before)
		for b.Loop() {
			r, _ = New(vhosts, predicate.Options{})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1024/float64(len(r.Routes())), "KB/route")
		runtime.KeepAlive(r)
	})
	b.Run("unchanged", func(b *testing.B) {
		old, _ := New(vhosts, predicate.Options{})
		for b.Loop() {
			NewFrom(old, vhosts, predicate.Options{})
		}
	})
}
