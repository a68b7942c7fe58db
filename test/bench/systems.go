//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var systemNames = []string{"nginx", "haproxy", "fishplate"}

// bench owns the origin and the scratch folder.
type bench struct {
	binary  string
	dir     string
	seconds int
	origin  *exec.Cmd
	port    int      // of the origin
	also    []string // folders to remove
}

// system is one started server under test.
type system struct {
	name string
	cmd  *exec.Cmd
	addr string

	filled bool // manyWork has filled it
	hosts  int  // tenants
	many   *many
	state  string // folder of its socket
}

const originConf = `daemon off; worker_processes 1; pid %[1]s/origin.pid; error_log %[1]s/origin.log;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; sendfile on; tcp_nopush off;
 server { listen 127.0.0.1:%[2]d reuseport backlog=8192; root %[1]s/www; default_type text/plain;
  location /c/ { alias %[1]s/www/; expires 1h; add_header X-Id $request_id; }
  location /private/ { alias %[1]s/www/; add_header Cache-Control "private, no-store"; add_header X-Id $request_id; } } }`

const nginxConf = `daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log;
events { worker_connections 16384; }
http { access_log %[4]s; keepalive_requests 1000000000; keepalive_timeout 600s; sendfile on;
 upstream o { server 127.0.0.1:%[3]d; keepalive 256; keepalive_requests 1000000000; }
 server { listen 127.0.0.1:%[2]d backlog=8192; location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`

const haproxyConf = `global
 nbthread 1
 maxconn 15000
 no strict-limits
 %[4]s
defaults
 mode http
 timeout connect 5s
 timeout client 600s
 timeout server 60s
 option http-keep-alive
 option splice-auto
 http-reuse always
 %[5]s
frontend f
 bind 127.0.0.1:%[2]d backlog 8192
 default_backend b
backend b
 server s 127.0.0.1:%[3]d
`

const fishplateConf = `admin {
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
vhost "any" { backend = "o" }
log "access" { path = "%[4]s" }
`

// newBench starts the origin on core 1.
func newBench(binary string, seconds int) (*bench, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "fishplate-bench")
	if err != nil {
		return nil, err
	}
	b := &bench{binary: binary, dir: dir, seconds: seconds, port: freePort()}
	if err := os.MkdirAll(filepath.Join(dir, "www"), 0o755); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	for name, size := range map[string]int{"128": 128, "1k": 1 << 10, "100k": 100 << 10, "10m": 10 << 20} {
		if err := os.WriteFile(filepath.Join(dir, "www", name), []byte(strings.Repeat("x", size)), 0o644); err != nil {
			return nil, err
		}
	}
	conf, err := b.write("origin.conf", fmt.Sprintf(originConf, dir, b.port))
	if err != nil {
		return nil, err
	}
	b.origin, err = launch(dir, "origin", "1", "nginx", "-c", conf)
	if err != nil {
		return nil, err
	}
	return b, waitPort(fmt.Sprintf("127.0.0.1:%d", b.port))
}

func (b *bench) close() {
	stopGroup(b.origin)
	for _, dir := range append(b.also, b.shared()) {
		_ = os.RemoveAll(dir)
	}
	_ = os.RemoveAll(b.dir)
}

func (b *bench) write(name, text string) (string, error) {
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// setup is how the systems of a work are configured.
type setup struct {
	logs   bool // access logs to a file
	guests bool // with the tenants of neighbour.go
	cache  bool // as caches, but for "uncached"
}

// start runs one system on core 0.
func (b *bench) start(name string, how setup) (*system, error) {
	logs, guests := how.logs, how.guests
	port := freePort()
	s := &system{name: name, addr: fmt.Sprintf("127.0.0.1:%d", port)}
	var args []string
	var err error
	switch {
	case how.cache:
		args, err = b.cacheArgs(name, port)
	case name == "nginx":
		log := "off"
		if logs {
			log = b.dir + "/nginx-access.log"
		}
		var conf string
		conf, err = b.write("nginx.conf", fmt.Sprintf(nginxConf, b.dir, port, b.port, log))
		args = []string{"nginx", "-c", conf}
	case name == "haproxy":
		global, defaults := "", ""
		if logs {
			global, defaults = "log stdout format raw local0", "log global\n option httplog"
		}
		var conf string
		conf, err = b.write("haproxy.cfg", fmt.Sprintf(haproxyConf, b.dir, port, b.port, global, defaults))
		args = []string{"haproxy", "-f", conf}
	case name == "fishplate":
		tenants := ""
		if guests {
			if tenants, err = guestConf(); err != nil {
				return nil, err
			}
		}
		log := "off"
		if logs {
			log = b.dir + "/fishplate-access.log"
		}
		var conf string
		conf, err = b.write("fishplate.hcl", fmt.Sprintf(fishplateConf, b.dir, port, b.port, log)+tenants)
		args = []string{b.binary, "serve", conf}
	}
	if err != nil {
		return nil, err
	}
	if s.cmd, err = launch(b.dir, name, "0", args...); err != nil {
		return nil, err
	}
	s.state = b.dir
	return s, waitPort(s.addr)
}

func (s *system) stop() {
	if s.cmd != nil {
		stopGroup(s.cmd)
	}
}

// pids are the server's processes: the one started and its children.
func (s *system) pids() []string {
	list := []string{strconv.Itoa(s.cmd.Process.Pid)}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%s/task/%s/children", list[0], list[0]))
	if err != nil {
		return list
	}
	return append(list, strings.Fields(string(text))...)
}

// cpu returns the seconds of CPU that the server's processes have used.
func (s *system) cpu() float64 {
	var ticks float64
	for _, pid := range s.pids() {
		text, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
		for _, f := range fields[11:13] {
			v, _ := strconv.ParseFloat(f, 64)
			ticks += v
		}
	}
	return ticks / 100
}

// pss returns the proportional resident bytes of the server's processes.
func (s *system) pss() float64 {
	var sum float64
	for _, pid := range s.pids() {
		text, err := os.ReadFile("/proc/" + pid + "/smaps_rollup")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); f[0] == "Pss:" {
				v, _ := strconv.ParseFloat(f[1], 64)
				sum += v * 1024
			}
		}
	}
	return sum
}

func launch(dir, name, core string, args ...string) (*exec.Cmd, error) {
	out, err := os.Create(filepath.Join(dir, name+".out"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command("taskset", append([]string{"-c", core}, args...)...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = ownGroup()
	return cmd, cmd.Start()
}

// keepAwake runs an idle-class spinner on each core until the func it returns is
// called: a virtual CPU that sleeps costs tens of microseconds to wake.
func keepAwake(dir string) (stop func()) {
	var spinners []*exec.Cmd
	for _, core := range []string{"0", "1"} {
		cmd, err := launch(dir, "spinner"+core, core, "chrt", "-i", "0", "sh", "-c", "while :; do :; done")
		if err == nil {
			spinners = append(spinners, cmd)
		}
	}
	return func() {
		for _, cmd := range spinners {
			stopGroup(cmd)
		}
	}
}

func stopGroup(cmd *exec.Cmd) {
	killGroup(cmd)
	_ = cmd.Wait()
}

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func waitPort(addr string) error {
	for range 200 {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c.Close()
		}
		time.Sleep(25 * time.Millisecond)
	}
	return fmt.Errorf("nothing answers at %s", addr)
}
