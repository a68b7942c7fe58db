//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"fishplate/test/bench/figures"
)

// hook is what a program is asked to do with a request, and what that may cost
// more than a cached answer without a program, in microseconds of CPU.
type hook struct {
	name string
	path string
	most float64
}

var hooks = []hook{{"nothing", "/c/1k", 0}, {"empty", "/c/1k", 1.0}, {"edit", "/c/1k", 2.0}, {"answer", "/answer", 2.0}}

// What runs the hooks. "nothing" is each of them without a program.
var hosts = []string{"lua", "njs", "fishplate"}

// hookArguments are what test/guests/hooks.c is asked by its first letter.
var hookArguments = map[string]string{"empty": "nothing", "edit": "edit", "answer": "answer"}

func hookSystems() (list []string) {
	for _, host := range hosts {
		for _, h := range hooks {
			list = append(list, host+"-"+h.name)
		}
	}
	return list
}

func tenantWorks() []work {
	return []work{
		{name: "tenants-hooks", title: "server CPU per request, cached 1 KiB, 64 connections that do not sleep: what a program adds", systems: hookSystems(),
			launch: (*bench).startHook, measure: hookWork, print: printHooks},
		{name: "tenants-forge", title: "a document of 300 B made of one of 1 KiB, 64 connections", systems: []string{"go", "fishplate"}, higher: true,
			launch: (*bench).startForge, measure: forgeWork, bars: []bar{{peer: "go"}}},
		{name: "tenants-sdks", title: "one request per SDK, in the process: on_recv that reads the URL and appends a field with it", systems: []string{"C", "C++", "Rust", "Go"},
			launch: func(_ *bench, name string) (*system, error) { return &system{name: name}, nil }, measure: sdkWork, print: printSDKs},
		{name: "tenants-share", title: "128 connections that spin beside 4 of another tenant that spin, equal shares: its part of the instructions",
			systems: []string{"fishplate"}, setup: setup{guests: true}, measure: shareWork, print: printShare},
		{name: "tenants-many", title: "ten thousand tenants of a hundred programs, beside ten", systems: []string{"ten", "tenthousand"},
			launch: (*bench).startMany, measure: manyTenantsWork, print: printMany},
	}
}

const hookNginx = `daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log crit;
load_module /usr/lib/nginx/modules/%[5]s;
%[6]s
events { worker_connections 16384; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; sendfile on; tcp_nopush off;
 open_file_cache max=100000 inactive=600s; open_file_cache_valid 600s;
 proxy_cache_path %[4]s levels=1:2 keys_zone=c:64m max_size=1g inactive=1h use_temp_path=off;
 %[7]s
 upstream o { server 127.0.0.1:%[3]d; keepalive 256; keepalive_requests 1000000000; }
 server { listen 127.0.0.1:%[2]d backlog=8192;
  location / { %[8]s proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache c; proxy_cache_lock on; }
  location /answer { %[9]s } } }`

// What the scripting modules do for each hook: the same as test/guests/hooks.c.
var luaHooks = map[string]string{
	"empty": `access_by_lua_block { }`,
	"edit": `access_by_lua_block { ngx.req.set_header("X-Seen", "by the program")
   if not ngx.re.find(ngx.var.request_uri, "^/c/[0-9]+k(\\?.*)?$", "jo") then return ngx.exit(404) end }`,
}

const luaAnswer = `content_by_lua_block { ngx.header["Content-Type"] = "application/json"
   ngx.print('{"path":"', ngx.var.request_uri, '","answer":42,"by":"the program"}\n') }`

// njs has no hook before the cache; one that sees the head of the answer does.
var njsHooks = map[string]string{"empty": `js_header_filter m.empty;`, "edit": `js_header_filter m.edit;`}

const njsScript = `var re = /^\/c\/[0-9]+k(\?.*)?$/;
function empty(r) { }
function edit(r) { r.headersOut['X-Seen'] = 'by the program'; if (!re.test(r.variables.request_uri)) r.status = 404; }
function answer(r) { r.headersOut['Content-Type'] = 'application/json';
  r.return(200, '{"path":"' + r.variables.request_uri + '","answer":42,"by":"the program"}\n'); }
export default { empty, edit, answer };
`

const hookSite = `cache "main" { memory = "64MiB" }
%[1]s
vhost "any" {
  backend = "o"
  %[2]s
  cache {}
}`

// startHook starts "HOST-HOOK".
func (b *bench) startHook(name string) (*system, error) {
	host, what, _ := strings.Cut(name, "-")
	port := freePort()
	if host == "fishplate" {
		tenant, use := "", ""
		if what != "nothing" {
			program, err := filepath.Abs("test/guests/hooks.elf")
			if err != nil {
				return nil, err
			}
			tenant = fmt.Sprintf("tenant \"t\" {\n  program = %q\n  arguments = [%q]\n}", program, hookArguments[what])
			use = `tenant = "t"`
		}
		return b.serve(name, port, fmt.Sprintf(hookSite, tenant, use))
	}
	dir := b.shared() + "-" + name
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	b.also = append(b.also, dir)
	if err := os.Chmod(dir, 0o777); err != nil { // nginx's worker is another user's
		return nil, err
	}
	module, first, head, hook, answer := "ngx_http_js_module.so", "", "", njsHooks[what], "js_content m.answer;"
	if host == "lua" {
		module, hook, answer = "ngx_http_lua_module.so", luaHooks[what], luaAnswer
		// The kit must be loaded first.
		module, first = "ndk_http_module.so", "load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;"
		head = `lua_package_path "/usr/share/lua/5.1/?.lua;;";`
	} else {
		script, err := b.write("m.js", njsScript)
		if err != nil {
			return nil, err
		}
		head = "js_import m from " + script + ";"
	}
	conf, err := b.write(name+".conf", fmt.Sprintf(hookNginx, b.dir, port, b.port, dir, module, first, head, hook, answer))
	if err != nil {
		return nil, err
	}
	return b.launched(name, port, "nginx", "-c", conf)
}

// serve starts Fishplate with the listener and origin of every work, and more.
func (b *bench) serve(name string, port int, more string) (*system, error) {
	state := filepath.Join(b.dir, name)
	if err := os.MkdirAll(state, 0o755); err != nil {
		return nil, err
	}
	conf, err := b.write(name+".hcl", fmt.Sprintf(fishplateCacheConf, state, port, b.port, more))
	if err != nil {
		return nil, err
	}
	return b.launched(name, port, b.binary, "serve", conf)
}

// launched starts a server on core 0 and waits for its port.
func (b *bench) launched(name string, port int, args ...string) (*system, error) {
	s := &system{name: name, addr: fmt.Sprintf("127.0.0.1:%d", port), state: filepath.Join(b.dir, name)}
	var err error
	if s.cmd, err = launch(b.dir, name, "0", args...); err != nil {
		return nil, err
	}
	if err := waitPort(s.addr); err != nil {
		out, _ := os.ReadFile(filepath.Join(b.dir, name+".out")) // what it said, if anything
		return s, fmt.Errorf("%w: %s", err, out)
	}
	return s, nil
}

func hookWork(b *bench, s *system) (result, error) {
	_, what, _ := strings.Cut(s.name, "-")
	path := "/c/1k"
	for _, h := range hooks {
		if h.name == what {
			path = h.path
		}
	}
	resp, err := http.Get("http://" + s.addr + path)
	if err != nil {
		return result{}, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		return result{}, fmt.Errorf("%s: %s %s %v", path, resp.Status, body, err)
	}
	if what == "answer" && !json.Valid(body) {
		return result{}, fmt.Errorf("%s: %q is no document", path, body)
	}
	c, err := b.awakeClient()
	if err != nil {
		return result{}, err
	}
	r, err := b.loadWith(c, s, path, 64)
	if err != nil {
		return result{}, err
	}
	asleep, err := b.load(s, path, 64)
	r.More = map[string]float64{asleepCPU: asleep.CPU}
	return r, err
}

// asleepCPU is CPU per request with a client that sleeps when it has nothing to
// do, which the server pays for: wrk as it is.
const asleepCPU = "CPU-µs, client sleeps"

// printHooks prints what each hook adds to its host without one.
func printHooks(w work, results []result) {
	cpu, rate, asleep := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for _, r := range results {
		cpu[r.System] = append(cpu[r.System], r.CPU)
		rate[r.System] = append(rate[r.System], r.Value)
		asleep[r.System] = append(asleep[r.System], r.More[asleepCPU])
	}
	fmt.Println(w.title)
	for _, host := range hosts {
		for _, h := range hooks {
			name, base := host+"-"+h.name, host+"-nothing"
			fmt.Printf("  %-20s %9.0f req/s  %7.3f µs", name, figures.Median(rate[name]), figures.Median(cpu[name]))
			if h.most > 0 {
				m := added(cpu[name], cpu[base])
				fmt.Printf("  %+7.3f", m)
				if host == "fishplate" {
					fmt.Printf("  (at most %.1f: %s)", h.most, figures.Verdict(m <= h.most))
				}
			}
			fmt.Printf("   with a client that sleeps: %7.3f µs", figures.Median(asleep[name]))
			if h.most > 0 {
				fmt.Printf("  %+7.3f", added(asleep[name], asleep[base]))
			}
			fmt.Println()
		}
	}
	fmt.Println()
}

// added is the median of the differences between rounds that lie next to each
// other.
func added(list, base []float64) float64 {
	var more []float64
	for i := range list {
		more = append(more, list[i]-base[i])
	}
	return figures.Median(more)
}

// The document that a forge reads, of 1 KiB.
func order() string {
	type item struct {
		Title string  `json:"title"`
		Price float64 `json:"price"`
	}
	var items []item
	for i := range 12 {
		items = append(items, item{fmt.Sprintf("thing number %d of the list", i), 12.5 * float64(i)})
	}
	b, err := json.Marshal(map[string]any{
		"customer": map[string]any{"name": "Somebody Else", "city": "Anywhere"}, "items": items, "total": 825.0, "note": strings.Repeat("n", 200),
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (b *bench) startForge(name string) (*system, error) {
	port := freePort()
	if name == "go" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		return b.launched(name, port, self, "-handler", fmt.Sprintf("127.0.0.1:%d", port))
	}
	program, err := filepath.Abs("test/guests/hooks.elf")
	if err != nil {
		return nil, err
	}
	return b.serve(name, port, fmt.Sprintf("tenant \"t\" {\n  program = %q\n  arguments = [\"forge\"]\n}\nvhost \"any\" {\n  backend = \"o\"\n  tenant = \"t\"\n}", program))
}

func forgeWork(b *bench, s *system) (result, error) {
	doc := order()
	resp, err := http.Post("http://"+s.addr+"/order", "application/json", strings.NewReader(doc))
	if err != nil {
		return result{}, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !json.Valid(body) || len(body) < 290 || len(body) > 310 {
		return result{}, fmt.Errorf("%s, %d bytes: %s %v", resp.Status, len(body), body, err)
	}
	script, err := b.write("order.lua", fmt.Sprintf("wrk.method = \"POST\"\nwrk.body = [==[%s]==]\nwrk.headers[\"Content-Type\"] = \"application/json\"\n", doc))
	if err != nil {
		return result{}, err
	}
	return b.load(s, "/order", 64, "-s", script)
}

// handler is the native server that a forge is compared with.
func handler(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var doc struct {
			Customer struct{ Name, City string }
			Items    []struct {
				Title string
				Price json.Number
			}
			Total json.Number
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &doc)
		}
		if err != nil || len(doc.Items) < 4 {
			http.Error(w, "no order", http.StatusBadRequest)
			return
		}
		out := map[string]string{
			"customer.name": doc.Customer.Name, "customer.city": doc.Customer.City, "items.3.title": doc.Items[3].Title,
			"items.3.price": doc.Items[3].Price.String(), "total": doc.Total.String(), "note": strings.Repeat(".", 147),
		}
		b, err := json.Marshal(out)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b) // the client may have left
	}))
}
