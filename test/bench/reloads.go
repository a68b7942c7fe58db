//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"fishplate/test/bench/figures"
)

// The site of the reload's work, and how often one route of it changes.
const (
	siteHosts   = 10_000
	siteChanges = 9

	changeMost = 200 * time.Millisecond // from the request for the change to its commit
)

// siteRoute is the route that changes: where it redirects to.
const siteRoute = "/mark/%d"

// siteText writes ten thousand virtual hosts of five routes, in one of which a
// redirect leads to mark.
func siteText(name string, mark int) string {
	var b strings.Builder
	for i := range siteHosts {
		to := "/mark/0"
		if i == siteHosts/2 {
			to = fmt.Sprintf(siteRoute, mark)
		}
		if name == "nginx" {
			fmt.Fprintf(&b, `server { listen 127.0.0.1:PORT; server_name v%[1]d.test;
 location /assets/ { proxy_pass http://o; } location /beta/ { if ($cookie_beta = "%[1]d") { return 204; } proxy_pass http://o; }
 location /api/ { limit_except GET POST { deny all; } proxy_pass http://o; } location /old/ { return 308 %[2]s; }
 location / { proxy_set_header X-Site "v%[1]d"; proxy_pass http://o; } }
`, i, to)
			continue
		}
		fmt.Fprintf(&b, `vhost "v%[1]d" {
  hosts = ["v%[1]d.test"]
  route "assets" {
    path    = "/assets/*"
    backend = "o"
  }
  route "beta" {
    path    = "/beta/*"
    when    = cookie("beta") == "%[1]d"
    backend = "o"
  }
  route "api" {
    path    = "/api/*"
    methods = ["GET", "POST"]
    backend = "o"
  }
  route "old" {
    path = "/old/*"
    redirect {
      status = 308
      to     = "%[2]s"
    }
  }
  route "all" {
    backend = "o"
    request {
      set = { X-Site = "v%[1]d" }
    }
  }
}
`, i, to)
	}
	return b.String()
}

const siteNginx = `daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log;
events { worker_connections 16384; }
http { access_log off; server_names_hash_max_size 65536; server_names_hash_bucket_size 128;
 upstream o { server 127.0.0.1:%[2]d; }
%[3]s}`

// rewrite writes the site of a system with another mark.
func (b *bench) rewrite(s *system, port, mark int) (path string, err error) {
	text := siteText(s.name, mark)
	if s.name == "nginx" {
		text = fmt.Sprintf(siteNginx, b.dir, b.port, strings.ReplaceAll(text, "PORT", fmt.Sprint(port)))
		return b.write("site.conf", text)
	}
	return b.write("site.hcl", fmt.Sprintf(fishplateCacheConf, s.state, port, b.port, text))
}

// startSite serves the site.
func (b *bench) startSite(name string) (*system, error) {
	s := &system{name: name, state: filepath.Join(b.dir, name)}
	if err := os.MkdirAll(s.state, 0o755); err != nil {
		return nil, err
	}
	port := freePort()
	path, err := b.rewrite(s, port, 0)
	if err != nil {
		return nil, err
	}
	args := []string{b.binary, "serve", path}
	if name == "nginx" {
		args = []string{"nginx", "-c", path}
	}
	started, err := b.launched(name, port, args...)
	for range 20 { // it reads for a while
		if err == nil || started == nil {
			break
		}
		err = waitPort(started.addr)
	}
	if started != nil {
		started.hosts = port
	}
	return started, err
}

// siteWork changes one route again and again. The value is the median time from
// the request for a change to the first answer by it, in milliseconds.
func siteWork(b *bench, s *system) (result, error) {
	port := s.hosts
	var took, committed []float64
	before := s.cpu()
	for mark := 1; mark <= siteChanges; mark++ {
		if _, err := b.rewrite(s, port, mark); err != nil {
			return result{}, err
		}
		began := time.Now()
		if s.name == "nginx" {
			if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				return result{}, err
			}
		} else {
			resp, err := s.socket().Post("http://socket/v1/reload", "application/json", bytes.NewReader(nil))
			if err != nil {
				return result{}, err
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				return result{}, fmt.Errorf("reload: %s %.300s %v", resp.Status, text, err)
			}
			committed = append(committed, time.Since(began).Seconds()*1000)
		}
		if err := s.marked(mark); err != nil {
			return result{}, err
		}
		took = append(took, time.Since(began).Seconds()*1000)
	}
	r := result{Value: figures.Median(took), Unit: "ms", CPU: (s.cpu() - before) / siteChanges * 1000, CPUU: "CPU-ms per change"}
	if len(committed) > 0 {
		r.More = map[string]float64{"commit": figures.Median(committed), "slowest": slices.Max(committed), "resident": s.resident()}
	}
	return r, nil
}

// marked asks on new connections until an answer has the mark.
func (s *system) marked(mark int) error {
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	want := fmt.Sprintf(siteRoute, mark)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		req, err := http.NewRequest("GET", "http://"+s.addr+"/old/x", nil)
		if err != nil {
			return err
		}
		req.Host = fmt.Sprintf("v%d.test", siteHosts/2)
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if strings.HasSuffix(resp.Header.Get("Location"), want) {
			return nil
		}
	}
	return fmt.Errorf("%s: no answer leads to %s", s.name, want)
}

func printSite(w work, results []result) {
	printWork(w, results)
	for _, r := range results {
		if r.System == "fishplate" {
			fmt.Printf("  round %d: committed after %.0f ms, the slowest after %.0f ms (at most %d: %s); %.0f MiB resident\n", r.Round,
				r.More["commit"], r.More["slowest"], changeMost.Milliseconds(), figures.Verdict(r.More["commit"] <= float64(changeMost.Milliseconds())), r.More["resident"]/(1<<20))
		}
	}
	fmt.Println()
}
