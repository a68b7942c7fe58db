package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// system is a server that is changed while it works.
type system struct {
	name          string
	dir           string
	plain, secure string
	binary        string
	program       string // of the tenant; "" is none
	origins       *origins
	cmd           *exec.Cmd
	log           bytes.Buffer
	r             *mathrand.Rand
	diary         *diary

	text   func(s *system, version int, broken bool) string
	start  func(s *system) *exec.Cmd
	reload func(s *system) error // with what is written; an error refuses it
}

func (s *system) config() string { return filepath.Join(s.dir, s.name+".conf") }

func (s *system) write(version int, broken bool) error {
	return os.WriteFile(s.config(), []byte(s.text(s, version, broken)), 0o644)
}

// certificate writes another pair to the same paths, and both in one.
func (s *system) certificate() error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "a.test"}, DNSNames: []string{"a.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	for name, text := range map[string][]byte{"a.pem": cert, "a.key": key, "both.pem": append(bytes.Clone(cert), key...)} {
		if err := os.WriteFile(filepath.Join(s.dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s *system) run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "FISHPLATE_SOCKET="+filepath.Join(s.dir, "s"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// post asks the admin API, and returns a refusal as an error.
func (s *system) post(path, body string) error {
	t := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.dir, "s"))
	}}
	resp, err := (&http.Client{Transport: t, Timeout: time.Minute}).Post("http://admin"+path, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode == http.StatusOK {
		return err
	}
	var said struct{ Errors []struct{ Summary string } }
	if json.Unmarshal(text, &said) == nil && len(said.Errors) > 0 {
		return fmt.Errorf("%s: %s", resp.Status, said.Errors[0].Summary)
	}
	return fmt.Errorf("%s: %s", resp.Status, text)
}

// begin writes the first configuration and waits until both ports answer.
func (s *system) begin() error {
	s.plain, s.secure = freeAddr(), freeAddr()
	if err := s.certificate(); err != nil {
		return err
	}
	if err := s.write(0, false); err != nil {
		return err
	}
	s.cmd = s.start(s)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	if err := await(s.plain); err != nil {
		return fmt.Errorf("%w\n%s", err, s.log.String())
	}
	return await(s.secure)
}

func (s *system) end() {
	for _, pid := range s.roots() {
		_ = syscall.Kill(pid, syscall.SIGTERM) // it may have ended
	}
	done := make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		_ = s.cmd.Process.Kill()
		<-done
	}
}

// Footprint is what the processes of a system take.
type Footprint struct {
	Processes   int   `json:"processes"`
	Descriptors int   `json:"descriptors"`
	Threads     int   `json:"threads"`
	RSS         int64 `json:"rss_bytes"`
}

// roots are the processes that were started with the configuration: after an
// upgrade, others than the first.
func (s *system) roots() (pids []int) {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline") // only a bad pattern is an error
	for _, path := range list {
		text, _ := os.ReadFile(path) // none when it has gone
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && bytes.Contains(text, []byte(s.config())) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// footprint adds up the processes of the configuration and their children.
func (s *system) footprint() (f Footprint) {
	pids := s.roots()
	for i := 0; i < len(pids); i++ {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pids[i])) // none when it has gone
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil && !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
	}
	for _, pid := range pids {
		list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		f.Processes, f.Descriptors = f.Processes+1, f.Descriptors+len(list)
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				f.RSS += kib << 10
			} else if rest, ok := strings.CutPrefix(line, "Threads:"); ok {
				n, _ := strconv.Atoi(strings.TrimSpace(rest))
				f.Threads += n
			}
		}
	}
	return f
}

// fishplate is ours. A change is one of the weights, the balancing, the routes, a
// server that leaves with a grace or comes, a listener, a field.
func fishplate(binary, program string) *system {
	s := &system{name: "fishplate", binary: binary, program: program}
	extra := freeAddr()
	s.text = func(s *system, n int, broken bool) string {
		var b strings.Builder
		fmt.Fprintf(&b, "admin {\n  socket = \"%[1]s/s\"\n}\nstate {\n  dir = \"%[1]s/state\"\n}\nlog \"access\" {\n  path = \"off\"\n}\n", s.dir)
		fmt.Fprintf(&b, "certificate \"c\" {\n  cert = \"a.pem\"\n  key = \"a.key\"\n}\nlistener \"web\" {\n  bind = [%q]\n  limits {\n    per_client = 100000\n  }\n}\nlistener \"tls\" {\n  bind = [%q]\n  tls {\n    certificates = [\"c\"]\n  }\n  limits {\n    per_client = 100000\n  }\n}\n", s.plain, s.secure)
		if n%5 == 1 {
			fmt.Fprintf(&b, "listener \"extra\" { bind = [%q] }\n", extra)
		}
		balance := []string{"roundrobin", "leastconn", "p2c", "random"}[s.r.IntN(4)]
		if n == 0 {
			balance = "roundrobin"
		}
		for _, name := range []string{"app", "pinned"} {
			fmt.Fprintf(&b, "backend %q {\n  balance = %q\n  grace = \"10m\"\n  retry {\n    attempts = 2\n    on = [\"connect\", \"reset\"]\n    budget = \"100%%\"\n  }\n  persist \"cookie\" {\n    name = \"SRV\"\n  }\n", name, balance)
			for i, addr := range s.origins.addrs {
				if n > 0 && n%7 == i { // it leaves for a while
					continue
				}
				fmt.Fprintf(&b, "  server %q {\n    address = %q\n    weight = %d\n  }\n", originName(i), addr, 50+s.r.IntN(100))
			}
			b.WriteString("}\n")
		}
		if s.program != "" {
			fmt.Fprintf(&b, "tenant \"t\" {\n  program = %q\n}\n", s.program)
		}
		b.WriteString("vhost \"any\" {\n")
		if s.program != "" {
			b.WriteString("  route \"tenant\" {\n    path = \"/tenant\"\n    tenant = \"t\"\n    backend = \"app\"\n  }\n")
		}
		for i := range s.r.IntN(4) {
			fmt.Fprintf(&b, "  route \"r%d\" {\n    path = \"/r%d/%d/*\"\n    backend = \"app\"\n  }\n", i, i, n)
		}
		fmt.Fprintf(&b, "  route \"all\" {\n    backend = \"app\"\n    response {\n      set = { X-Version = \"%d\" }\n    }\n  }\n}\n", n)
		if broken {
			b.WriteString([]string{"vhost \"b\" { backend = \"nobody\" }\n", "listener \"b\" { bind = [\"192.0.2.1:1\"] }\n", "backend {\n"}[n%3])
		}
		return b.String()
	}
	s.start = func(s *system) *exec.Cmd {
		return exec.Command(s.binary, "serve", s.config())
	}
	s.reload = func(s *system) error { return s.post("/v1/reload", `{"force": true}`) }
	return s
}

const nginxText = `daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 75s;
 map $http_upgrade $up { default upgrade; "" ""; }
 upstream o { %[4]s keepalive 64; }
 server { listen %[2]s backlog=8192; listen %[3]s ssl; ssl_certificate %[1]s/a.pem; ssl_certificate_key %[1]s/a.key;
  add_header X-Version %[5]d;
  location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $up; } } %[6]s }
`

func nginx() *system {
	s := &system{name: "nginx"}
	s.text = func(s *system, n int, broken bool) string {
		servers, more := "", ""
		for i, addr := range s.origins.addrs {
			if n == 0 || n%7 != i {
				servers += fmt.Sprintf("server %s weight=%d; ", addr, 50+s.r.IntN(100))
			}
		}
		if broken {
			more = "nonsense;"
		}
		return fmt.Sprintf(nginxText, s.dir, s.plain, s.secure, servers, n, more)
	}
	s.start = func(s *system) *exec.Cmd { return exec.Command("nginx", "-c", s.config()) }
	s.reload = func(s *system) error {
		if err := s.run("nginx", "-t", "-c", s.config()); err != nil {
			return err
		}
		return s.cmd.Process.Signal(syscall.SIGHUP)
	}
	return s
}

const haproxyText = `global
 nbthread 1
 maxconn 15000
 no strict-limits
 stats socket %[1]s/h.sock expose-fd listeners level admin
defaults
 mode http
 timeout connect 5s
 timeout client 600s
 timeout server 60s
 timeout tunnel 1h
 option http-keep-alive
 option idle-close-on-response
 retries 2
 retry-on conn-failure empty-response response-timeout
 option redispatch 1
frontend f
 bind %[2]s backlog 8192
 bind %[3]s ssl crt %[1]s/both.pem
 http-response set-header X-Version %[5]d
 default_backend b
backend b
 cookie SRV insert indirect nocache
%[4]s%[6]s`

func haproxy() *system {
	s := &system{name: "haproxy"}
	s.text = func(s *system, n int, broken bool) string {
		servers, more := "", ""
		for i, addr := range s.origins.addrs {
			weight := 50 + s.r.IntN(100)
			if n > 0 && n%7 == i {
				weight = 0 // those that are pinned to it stay
			}
			servers += fmt.Sprintf(" server %s %s cookie %[1]s weight %[3]d\n", originName(i), addr, weight)
		}
		if broken {
			more = " nonsense\n"
		}
		return fmt.Sprintf(haproxyText, s.dir, s.plain, s.secure, servers, n, more)
	}
	s.start = func(s *system) *exec.Cmd {
		return exec.Command("haproxy", "-W", "-db", "-S", s.master(), "-f", s.config())
	}
	s.reload = func(s *system) error {
		if err := s.run("haproxy", "-c", "-f", s.config()); err != nil {
			return err
		}
		before := s.worker()
		if err := s.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
			return err
		}
		// Its next reload takes the sockets of a worker that serves: wait for that.
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if now := s.worker(); now != "" && now != before {
				return nil
			}
		}
		return fmt.Errorf("no new worker")
	}
	return s
}

func (s *system) master() string { return filepath.Join(s.dir, "m.sock") }

// worker asks haproxy's master for the process that serves; "" when it does not
// answer, which it does not while it starts itself anew.
func (s *system) worker() string {
	c, err := net.DialTimeout("unix", s.master(), time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(c, "show proc\n"); err != nil {
		return ""
	}
	text := "" // it does not close the connection
	for in := bufio.NewReader(c); !strings.Contains(text, "# programs"); {
		line, err := in.ReadString('\n')
		if text += line; err != nil {
			break
		}
	}
	_, workers, _ := strings.Cut(text, "# workers\n")
	workers, _, _ = strings.Cut(workers, "# old workers")
	if f := strings.Fields(workers); len(f) > 0 && f[0] != "#" {
		return f[0]
	}
	return ""
}
