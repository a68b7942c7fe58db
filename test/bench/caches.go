//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cacheNames are the caches, ours last. Works that compare Fishplate with itself
// name it "uncached" without a cache block, and "few" and "many" by its objects.
var cacheNames = []string{"nginx", "haproxy", "varnish", "fishplate"}

const (
	fewObjects  = 1000
	manyObjects = 1000 * 1000
)

func cacheWorks() []work {
	caches, misses := setup{cache: true}, []string{"uncached", "fishplate"}
	return []work{
		{name: "cache-1k-64", title: "cache hits, 1 KiB, 64 connections", setup: caches, systems: cacheNames, higher: true,
			bars: []bar{{least: 1.4}, {peer: "varnish", least: 2.5}}, measure: hitWork("/c/1k", 64)},
		{name: "cache-1k-1", title: "cache hits, 1 KiB, 1 connection, cores kept awake", setup: caches, systems: cacheNames, higher: true,
			bars: best(1), awake: true, measure: hitWork("/c/1k", 1)},
		{name: "cache-100k-64", title: "cache hits, 100 KiB, 64 connections", setup: caches, systems: cacheNames, higher: true,
			bars: best(1), measure: hitWork("/c/100k", 64)},
		{name: "cache-miss", title: "misses, 1 KiB, 64 connections, every URL asked once: beside proxying without a cache", setup: caches, systems: misses, higher: true,
			bars: []bar{{peer: "uncached", least: 0.95}, {peer: "uncached", least: 1.05, cpu: true}}, measure: missWork},
		{name: "cache-pass", title: "one URL that may not be stored, 64 connections: beside proxying without a cache", setup: caches, systems: misses, higher: true,
			bars: []bar{{peer: "uncached", least: 0.95}, {peer: "uncached", least: 1.05, cpu: true}}, measure: loadWork("/private/1k", 64, false)},
		{name: "cache-many", title: "hits at random, 1 KiB, 64 connections: a million objects beside a thousand", setup: caches, systems: []string{"few", "many"}, higher: true,
			bars: []bar{{peer: "few", least: 0.85}}, keep: true, measure: manyWork},
	}
}

// What every cache gets: one core, no log, memory enough, an origin with
// keep-alive. nginx keeps its files in memory too, and remembers the open ones.
const nginxCacheConf = `daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log crit;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; sendfile on; tcp_nopush off;
 open_file_cache max=100000 inactive=600s; open_file_cache_valid 600s;
 proxy_cache_path %[4]s levels=1:2 keys_zone=c:64m max_size=1g inactive=1h use_temp_path=off;
 upstream o { server 127.0.0.1:%[3]d; keepalive 256; keepalive_requests 1000000000; }
 server { listen 127.0.0.1:%[2]d backlog=8192; location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_cache c; proxy_cache_lock on; } } }`

const haproxyCacheConf = `global
 nbthread 1
 maxconn 15000
 no strict-limits
defaults
 mode http
 timeout connect 5s
 timeout client 600s
 timeout server 60s
 option http-keep-alive
 option splice-auto
 http-reuse always
cache c
 total-max-size 512
 max-object-size 1048576
 max-age 3600
frontend f
 bind 127.0.0.1:%[1]d backlog 8192
 default_backend b
backend b
 http-request cache-use c
 http-response cache-store c
 server s 127.0.0.1:%[2]d
`

const varnishConf = `vcl 4.1;
backend o { .host = "127.0.0.1"; .port = "%d"; }
`

const fishplateCacheConf = `admin {
  socket = "%[1]s/fishplate.sock"
}
state {
  dir = "%[1]s/state"
}
listener "web" {
  bind = ["127.0.0.1:%[2]d"]
  limits {
    per_client = 100000
  }
  timeouts {
    idle = "600s"
  }
}
backend "o" {
  servers = ["127.0.0.1:%[3]d"]
}
log "access" { path = "off" }
%[4]s
`

// shared is a folder in memory, for the cache that keeps files.
func (b *bench) shared() string { return filepath.Join("/dev/shm", filepath.Base(b.dir)) }

// varnishMask turns off what Varnish logs of a request to shared memory, since
// no peer logs anything.
func varnishMask() string {
	return "-" + strings.Join(strings.Fields(`Begin End ReqStart ReqMethod ReqURL ReqProtocol ReqHeader ReqUnset ReqAcct
		RespProtocol RespStatus RespReason RespHeader RespUnset VCL_call VCL_return VCL_use Hit HitMiss HitPass Link Timestamp
		SessOpen SessClose BereqMethod BereqURL BereqProtocol BereqHeader BereqUnset BereqAcct BerespProtocol BerespStatus
		BerespReason BerespHeader BerespUnset TTL Storage Fetch_Body Length BackendOpen BackendClose BackendReuse VCL_Log Filters`), ",-")
}

// cacheArgs writes the configuration of a cache and returns its command line.
func (b *bench) cacheArgs(name string, port int) (args []string, err error) {
	var conf string
	switch name {
	case "nginx":
		dir := b.shared()
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
		// nginx's worker is another user's.
		if err := os.Chmod(dir, 0o777); err != nil {
			return nil, err
		}
		conf, err = b.write("nginx-cache.conf", fmt.Sprintf(nginxCacheConf, b.dir, port, b.port, dir))
		return []string{"nginx", "-c", conf}, err
	case "haproxy":
		conf, err = b.write("haproxy-cache.cfg", fmt.Sprintf(haproxyCacheConf, port, b.port))
		return []string{"haproxy", "-f", conf}, err
	case "varnish":
		conf, err = b.write("varnish.vcl", fmt.Sprintf(varnishConf, b.port))
		// One pool of threads, as there is one core.
		return []string{
			"varnishd", "-F", "-j", "none", "-n", filepath.Join(b.dir, "varnish"), "-f", conf, "-s", "malloc,1g",
			"-a", "127.0.0.1:" + strconv.Itoa(port), "-T", "none", "-p", "thread_pools=1", "-p", "thread_pool_min=200",
			"-p", "timeout_idle=600", "-p", "vsl_mask=" + varnishMask(), "-p", "auto_restart=off",
		}, err
	}
	conf, err = b.write(name+"-cache.hcl", fmt.Sprintf(fishplateCacheConf, filepath.Join(b.dir, name), port, b.port, fishplateSite(name)))
	return []string{b.binary, "serve", conf}, err
}

// fishplateSite is the vhost of a variant, and the store if it has one. Misses
// get a store that is full soon, so that making room is part of the measure.
func fishplateSite(name string) string {
	switch name {
	case "uncached":
		return `vhost "any" { backend = "o" }`
	case "few", "many":
		return "cache \"main\" { memory = \"4GiB\" }\nvhost \"any\" {\n  backend = \"o\"\n  cache {}\n}"
	}
	return "cache \"main\" { memory = \"64MiB\" }\nvhost \"any\" {\n  backend = \"o\"\n  cache {}\n}"
}

// hitWork measures one object's hits, after a proof that they are some.
func hitWork(path string, connections int) func(*bench, *system) (result, error) {
	return func(b *bench, s *system) (result, error) {
		first, err := identity(s, path)
		if err != nil {
			return result{}, err
		}
		second, err := identity(s, path)
		if err != nil {
			return result{}, err
		}
		if first == "" || first != second {
			return result{}, fmt.Errorf("%s does not come from the cache: the origin's number is %q, then %q", path, first, second)
		}
		return b.load(s, path, connections)
	}
}

// identity asks for a path and returns the number that the origin gave the
// answer.
func identity(s *system, path string) (string, error) {
	resp, err := http.Get("http://" + s.addr + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: status %s", path, resp.Status)
	}
	return resp.Header.Get("X-Id"), nil
}

// Lua for wrk: URLs that are asked once, or at random. The address of a table
// keeps the warming up and the rounds apart.
const (
	onceLua = `local n = 0
local seed = tostring(os.time()) .. tostring({}):sub(8)
function request() n = n + 1; return wrk.format("GET", "/c/1k?" .. seed .. n) end`
	randomLua = `math.randomseed(os.time())
function request() return wrk.format("GET", "/c/1k?" .. math.random(%d)) end`
)

func missWork(b *bench, s *system) (result, error) {
	script, err := b.write("once.lua", onceLua)
	if err != nil {
		return result{}, err
	}
	return b.load(s, "/", 64, "-s", script)
}

// manyWork fills the store through the front before its first round.
func manyWork(b *bench, s *system) (result, error) {
	objects := fewObjects
	if s.name == "many" {
		objects = manyObjects
	}
	if !s.filled {
		if err := b.fill(s, objects); err != nil {
			return result{}, err
		}
		s.filled = true
	}
	script, err := b.write("random.lua", fmt.Sprintf(randomLua, objects))
	if err != nil {
		return result{}, err
	}
	return b.load(s, "/", 64, "-s", script)
}

// fill asks for every object once, and then for a thousand of them again, which
// must be those that were answered before.
func (b *bench) fill(s *system, objects int) error {
	const fillers, samples = 8, 1000
	kept := make([]string, samples)
	done := make(chan error, fillers)
	for f := range fillers {
		go func() {
			c, err := net.Dial("tcp", s.addr)
			if err != nil {
				done <- err
				return
			}
			defer c.Close()
			r := bufio.NewReader(c)
			for first := 1 + f*pipelined; first <= objects && err == nil; first += fillers * pipelined {
				err = fillBatch(c, r, first, min(first+pipelined, objects+1), objects/samples, kept)
			}
			done <- err
		}()
	}
	var failed error
	for range fillers {
		failed = errors.Join(failed, <-done)
	}
	if failed != nil {
		return fmt.Errorf("fill: %w", failed)
	}
	for i, was := range kept {
		if is, err := identity(s, "/c/1k?"+strconv.Itoa((i+1)*(objects/samples))); err != nil || is != was {
			return fmt.Errorf("fill: sample %d is %q and was %q (%w)", i, is, was, err)
		}
	}
	return nil
}

// pipelined is how many requests go out before their answers are read.
const pipelined = 32

// fillBatch asks for the objects from first to before end, and keeps the number
// that the origin gave to every one that each divides.
func fillBatch(c net.Conn, r *bufio.Reader, first, end, each int, kept []string) error {
	var out []byte
	for n := first; n < end; n++ {
		out = fmt.Appendf(out, "GET /c/1k?%d HTTP/1.1\r\nHost: %s\r\n\r\n", n, c.RemoteAddr())
	}
	if _, err := c.Write(out); err != nil {
		return err
	}
	for n := first; n < end; n++ {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", resp.Status)
		}
		if n%each == 0 {
			kept[n/each-1] = resp.Header.Get("X-Id")
		}
	}
	return nil
}
