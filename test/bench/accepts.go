//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"

	"fishplate/internal/bench/stats"
	"fishplate/test/bench/figures"
)

// The works of the accept path: a connection for each request, which the server
// answers by itself, so that nothing but connections is measured.
func acceptWorks() []work {
	two := "0,1"
	return []work{
		{name: "accept-one", title: "connection per request, answered by the server, 64 at once; server on core 0", higher: true, bars: best(1),
			launch: answers("0"), measure: loadWork("/", 64, true)},
		{name: "accept-two", title: "the same, server on both cores, beside the load", higher: true, bars: best(1),
			launch: answers(two), measure: loadWork("/", 64, true)},
		{name: "accept-tail", title: "2,000 short connections at once; server on core 0", higher: true,
			bars:   []bar{{peer: "nginx", cpu: true, least: 1}, {peer: "haproxy", cpu: true, least: 1}},
			launch: answers("0"), measure: shortWork(2000, "1", func(t short) (float64, string) { return t.p99, "ms p99" })},
		{name: "accept-options", title: "options of the accept path, server and load on both cores, 256 short connections at once", systems: optionNames(),
			launch: (*bench).startOption, measure: shortWork(256, two, func(t short) (float64, string) { return t.cpu, "CPU-µs per connection" }),
			print: printOptions},
	}
}

const answer = "a short answer of forty bytes, or nearly.\n"

const answerNginx = `daemon off; worker_processes %[3]d; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log;
events { worker_connections 16384; multi_accept on; }
http { access_log off; server { listen 127.0.0.1:%[2]d backlog=65535 reuseport deferred; location / { default_type text/plain; return 200 %[4]q; } } }`

const answerHaproxy = `global
 nbthread %[3]d
 maxconn 15000
 no strict-limits
defaults
 mode http
 timeout connect 5s
 timeout client 60s
 timeout server 60s
frontend f
 bind 127.0.0.1:%[2]d backlog 65535 defer-accept
 http-request return status 200 content-type text/plain string %[4]q
`

const answerFishplate = `admin {
  socket = "%[1]s/fishplate.sock"
}
state {
  dir = "%[1]s/state"
}
listener "web" {
  bind = ["127.0.0.1:%[2]d"]
  accept {
    %[3]s
  }
  limits {
    per_client = 100000
  }
}
vhost "any" {
  route "all" {
    respond {
      status  = 200
      body    = %[4]q
      headers = { Content-Type = "text/plain" }
    }
  }
}
log "access" { path = "off" }
`

// answers starts a server that answers by itself on the cores. All of them defer
// accept, and have as many sockets or threads as cores.
func answers(cores string) func(*bench, string) (*system, error) {
	return func(b *bench, name string) (*system, error) {
		port, n := freePort(), len(strings.Split(cores, ","))
		var conf string
		var err error
		var args []string
		switch name {
		case "nginx":
			conf, err = b.write("nginx.conf", fmt.Sprintf(answerNginx, b.dir, port, n, answer))
			args = []string{"nginx", "-c", conf}
		case "haproxy":
			conf, err = b.write("haproxy.cfg", fmt.Sprintf(answerHaproxy, b.dir, port, n, answer))
			args = []string{"haproxy", "-f", conf}
		default:
			return b.startAnswer(name, cores, port, "")
		}
		if err != nil {
			return nil, err
		}
		return b.serveOn(name, cores, port, args)
	}
}

func (b *bench) startAnswer(name, cores string, port int, options string) (*system, error) {
	conf, err := b.write("fishplate.hcl", fmt.Sprintf(answerFishplate, b.dir, port, options, answer))
	if err != nil {
		return nil, err
	}
	return b.serveOn(name, cores, port, []string{b.binary, "serve", conf})
}

// serveOn starts a server on the cores and waits for it.
func (b *bench) serveOn(name, cores string, port int, args []string) (*system, error) {
	s := &system{name: name, addr: fmt.Sprintf("127.0.0.1:%d", port), state: b.dir}
	var err error
	if s.cmd, err = launch(b.dir, name, cores, args...); err != nil {
		return nil, err
	}
	return s, waitPort(s.addr)
}

// options are what is compared with the first, which is what serve does unasked.
var options = []struct{ name, text string }{
	{"defaults", ""},
	{"shards-1", "shards = 1"},
	{"shards-2", "shards = 2"},
	{"shards-4", "shards = 4"},
	{"spread-cpu", "shards = 2\n    spread = \"incoming_cpu\""},
	{"spread-cbpf", "shards = 2\n    spread = \"cbpf\""},
	{"spread-hash", "shards = 2\n    spread = \"hash\""},
	{"defer-off", `defer = "0s"`},
	{"backlog-128", "backlog = 128"},
	{"fast-open", "fast_open = true"},
	{"spin-off", `spin = "0s"`},
	{"spin-50us", `spin = "50us"`},
}

func optionNames() (names []string) {
	for _, o := range options {
		names = append(names, o.name)
	}
	return names
}

func (b *bench) startOption(name string) (*system, error) {
	for _, o := range options {
		if o.name == name {
			return b.startAnswer(name, "0,1", freePort(), o.text)
		}
	}
	return nil, fmt.Errorf("no option %q", name)
}

// short is what the product's own generator says of short connections.
type short struct {
	rate float64
	p99  float64 // of connection and answer together, milliseconds
	cpu  float64 // of the server, microseconds a connection
}

// shortWork measures short connections by the product's own generator on those
// cores: it counts what a client waits for its connection, too, which wrk does not.
func shortWork(connections int, cores string, second func(short) (float64, string)) func(*bench, *system) (result, error) {
	return func(b *bench, s *system) (result, error) {
		if _, err := b.short(s, connections, cores, 1); err != nil {
			return result{}, fmt.Errorf("warm up: %w", err)
		}
		before := s.cpu()
		t, err := b.short(s, connections, cores, b.seconds)
		if err != nil {
			return result{}, err
		}
		t.cpu = (s.cpu() - before) / (t.rate * float64(b.seconds)) * 1e6
		r := result{Value: t.rate, Unit: "conn/s", More: map[string]float64{"p99": t.p99, "cpu": t.cpu}}
		r.CPU, r.CPUU = second(t)
		return r, nil
	}
}

func (b *bench) short(s *system, connections int, cores string, seconds int) (short, error) {
	cmd := exec.Command("taskset", "-c", cores, b.binary, "bench", "http-close", "--server", s.addr, "--json", "--repeat", "1",
		"--threads", fmt.Sprint(len(strings.Split(cores, ","))), "-c", fmt.Sprint(connections), "--duration", fmt.Sprintf("%ds", seconds))
	out, err := cmd.Output()
	if err != nil {
		return short{}, fmt.Errorf("bench http-close: %w", err)
	}
	var said struct {
		Totals  struct{ Transactions, Errors int64 }
		Latency struct{ Total struct{ P99 int64 } }
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return short{}, fmt.Errorf("read what bench printed: %w", err)
	}
	if said.Totals.Transactions == 0 || said.Totals.Errors > 0 {
		return short{}, fmt.Errorf("%d connections were answered, %d failed", said.Totals.Transactions, said.Totals.Errors)
	}
	return short{rate: float64(said.Totals.Transactions) / float64(seconds), p99: float64(said.Latency.Total.P99) / 1e6}, nil
}

// printOptions prints what each option does to the defaults, round by round.
func printOptions(w work, results []result) {
	fmt.Println(w.title)
	of := func(name string, get func(result) float64) (list []float64) {
		for _, r := range results {
			if r.System == name {
				list = append(list, get(r))
			}
		}
		return list
	}
	columns := []struct {
		title string
		get   func(result) float64
	}{
		{"conn/s", func(r result) float64 { return r.Value }},
		{"CPU-µs", func(r result) float64 { return r.More["cpu"] }},
		{"ms p99", func(r result) float64 { return r.More["p99"] }},
	}
	for _, name := range w.systems {
		fmt.Printf("  %-12s", name)
		for _, c := range columns {
			list := of(name, c.get)
			fmt.Printf(" %9.1f %s", figures.Median(list), c.title)
			if name != w.systems[0] && len(list) > 1 {
				d := stats.Paired(of(w.systems[0], c.get), list)
				fmt.Printf(" (×%.2f, 95 %%: %.2f … %.2f)", d.Ratio, d.Low, d.High)
			}
		}
		fmt.Println()
	}
	fmt.Println()
}
