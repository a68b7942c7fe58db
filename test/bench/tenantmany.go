//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fishplate/test/bench/figures"
)

const (
	manyHosts    = 10_000
	fewHosts     = 10
	manyPrograms = 100

	residentMost = 2 << 30 // bytes
	startMost    = 60 * time.Second
	firstMost    = time.Second
	updateMost   = 20 * time.Millisecond
)

// many are the figures of one round of tenants-many.
type many struct {
	first, start, update, reload time.Duration
	resident, each               float64
}

// startMany writes the programs and the tenants file, one broken tenant in it.
func (b *bench) startMany(name string) (*system, error) {
	n := fewHosts
	if name == "tenthousand" {
		n = manyHosts
	}
	base, err := os.ReadFile("sdk/examples/hello.elf")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for i := range manyPrograms {
		p := append(bytes.Clone(base), fmt.Sprint(i)...) // behind what the headers name
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("p%d.elf", i)), p, 0o644); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "broken.elf"), []byte("no program"), 0o644); err != nil {
		return nil, err
	}
	file := map[string]any{"broken.test": map[string]any{"filename": filepath.Join(dir, "broken.elf")}}
	for i := range n {
		file[fmt.Sprintf("t%d.test", i)] = map[string]any{
			"filename": filepath.Join(dir, fmt.Sprintf("p%d.elf", i%manyPrograms)), "arguments": []string{fmt.Sprintf("tenant %d", i)},
		}
	}
	text, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "tenants.json"), text, 0o644); err != nil {
		return nil, err
	}
	port := freePort()
	began := time.Now()
	s, err := b.serve(name, port, fmt.Sprintf("tenants \"file\" {\n  path = %q\n}\nvhost \"tenants\" {\n  backend = \"o\"\n}", filepath.Join(dir, "tenants.json")))
	if err != nil {
		return s, err
	}
	s.hosts, s.many = n, &many{}
	// The last tenant answers while the others are still being started.
	if err := s.askTenant(http.DefaultClient, n-1); err != nil {
		return s, err
	}
	s.many.first = time.Since(began)
	for {
		starting, err := s.starting()
		if err != nil {
			return s, err
		}
		if starting == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.many.start = time.Since(began)
	return s, nil
}

// askTenant has tenant i answer.
func (s *system) askTenant(c *http.Client, i int) error {
	req, err := http.NewRequest("GET", "http://"+s.addr+"/hello", nil)
	if err != nil {
		return err
	}
	req.Host = fmt.Sprintf("t%d.test", i)
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(string(body), "Hello") {
		return fmt.Errorf("tenant %d: %s %q %v", i, resp.Status, body, err)
	}
	return nil
}

// socket is a client of the server's own socket.
func (s *system) socket() *http.Client {
	path := filepath.Join(s.state, "fishplate.sock")
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

// starting returns how many tenants are being started.
func (s *system) starting() (n int, err error) {
	resp, err := s.socket().Get("http://socket/v1/tenants")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return bytes.Count(text, []byte(`"starting"`)), err
}

func manyTenantsWork(b *bench, s *system) (result, error) {
	if !s.filled {
		if err := s.fillMany(); err != nil {
			return result{}, err
		}
		s.filled = true
	}
	r, err := b.load(s, "/hello", 64, "-H", "Host: t7.test")
	r.More = map[string]float64{
		"first": s.many.first.Seconds(), "start": s.many.start.Seconds(), "update": s.many.update.Seconds(),
		"reload": s.many.reload.Seconds(), "resident": s.many.resident, "each": s.many.each,
	}
	return r, err
}

func (s *system) fillMany() error {
	before := s.resident()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	for i := range s.hosts {
		if err := s.askTenant(client, i); err != nil {
			return err
		}
	}
	s.many.resident = s.resident()
	s.many.each = (s.many.resident - before) / float64(s.hosts)
	elf, err := os.ReadFile("test/guests/hooks.elf")
	if err != nil {
		return err
	}
	socket := s.socket()
	post := func(path string, body []byte) (time.Duration, error) {
		began := time.Now()
		resp, err := socket.Post("http://socket"+path, "application/octet-stream", bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("%s: %s %.300s %v", path, resp.Status, text, err)
		}
		return time.Since(began), nil
	}
	if _, err := post("/v1/tenants/t3.test/program", elf); err != nil { // makes the connection
		return err
	}
	if s.many.update, err = post("/v1/tenants/t5.test/program", elf); err != nil {
		return err
	}
	s.many.reload, err = post("/v1/reload", nil)
	return err
}

// resident returns what the server's process holds: its own pages, and those of
// files in memory, mapped or not.
func (s *system) resident() float64 {
	var sum float64
	pid := strconv.Itoa(s.cmd.Process.Pid)
	f, err := os.Open("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) > 1 && (w[0] == "RssAnon:" || w[0] == "RssFile:") {
			v, _ := strconv.ParseFloat(w[1], 64)
			sum += v * 1024
		}
	}
	fds, err := filepath.Glob("/proc/" + pid + "/fd/*")
	if err != nil {
		return sum
	}
	for _, fd := range fds {
		var st syscall.Stat_t
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "/memfd:") && syscall.Stat(fd, &st) == nil {
			sum += float64(st.Blocks) * 512
		}
	}
	return sum
}

func printMany(w work, results []result) {
	fmt.Println(w.title)
	cpu := map[string][]float64{}
	last := map[string]result{}
	for _, r := range results {
		cpu[r.System] = append(cpu[r.System], r.CPU)
		last[r.System] = r
	}
	m := last["tenthousand"].More
	row := func(what string, value float64, unit string, most float64) {
		fmt.Printf("  %-42s %10.2f %-4s (at most %g: %s)\n", what, value, unit, most, figures.Verdict(value <= most))
	}
	row("resident when all have answered", m["resident"]/(1<<20), "MiB", residentMost/(1<<20))
	row("until the last tenant answered", m["first"], "s", firstMost.Seconds())
	row("until every program had started", m["start"], "s", startMost.Seconds())
	row("one tenant's update", m["update"]*1000, "ms", updateMost.Seconds()*1000)
	fmt.Printf("  %-42s %10.2f ms\n", "a reload without a change", m["reload"]*1000)
	fmt.Printf("  %-42s %10.2f KiB\n", "memory of a tenant that was asked", m["each"]/1024)
	fmt.Printf("  CPU per request: %.3f µs among ten, %.3f µs among ten thousand\n\n",
		figures.Median(cpu["ten"]), figures.Median(cpu["tenthousand"]))
}
