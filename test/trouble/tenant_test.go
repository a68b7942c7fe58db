package trouble

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/test/harness"
)

// guestDirs are where the committed programs lie, below the module root.
var guestDirs = []string{"test/guests", "sdk/examples"}

// guest returns the path of a committed program.
func guest(t *testing.T, name string) string {
	t.Helper()
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range guestDirs {
		path := filepath.Join(root, dir, name+".elf")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatalf("no committed program %q in %v", name, guestDirs)
	return ""
}

// tenants returns a site with a vhost per tenant, named and hosted by it.
func tenants(addr, origin string, programs map[string]string, more string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listener \"web\" {\n bind = [%q]\n limits {\n per_client = 10000\n }\n}\nbackend \"app\" { servers = [%q] }\n", addr, origin)
	for name, path := range programs {
		fmt.Fprintf(&b, "tenant %q {\n program = %q\n instructions = 20000000\n time = \"30s\"\n concurrency = 256\n %s\n}\n", name, path, more)
		fmt.Fprintf(&b, "vhost %q {\n hosts = [\"%s.test\"]\n tenant = %q\n backend = \"app\"\n}\n", name, name, name)
	}
	return b.String()
}

func ask(t *testing.T, addr, host, path string) string {
	t.Helper()
	return harness.Exchange(t, addr, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n", 60*time.Second)
}

// TestFaultyPrograms: each fault is the client's 503 and a log line that names
// tenant, program counter and symbol; a neighbour never notices.
func TestFaultyPrograms(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	addr := harness.FreeAddr(t)
	s := harness.Start(t, tenants(addr, o.Addr, map[string]string{
		"loop": guest(t, "loop"), "crash": guest(t, "crash"), "hello": guest(t, "hello"),
	}, ""))
	for _, test := range []struct{ tenant, cause string }{{"loop", "guest-budget"}, {"crash", "guest-fault"}} {
		for range 3 {
			if got := ask(t, addr, test.tenant+".test", "/"+test.tenant); status(got) != "503" {
				t.Errorf("%s: %q, want 503", test.tenant, got)
			}
		}
		line := s.WaitLine(test.cause, func(m map[string]any) bool { return m["tenant"] == test.tenant })
		if line["cause"] != test.cause {
			t.Errorf("%s: cause %v, want %s", test.tenant, line["cause"], test.cause)
		}
		if text := fmt.Sprint(line["detail"]); !strings.Contains(text, "0x") || !strings.Contains(text, "on_recv") {
			t.Errorf("%s: the log says %q; it must name program counter and symbol", test.tenant, text)
		}
		if got := ask(t, addr, "hello.test", "/"); status(got) != "200" {
			t.Errorf("the neighbour of %s answers %q", test.tenant, got)
		}
	}
}

// TestNeighbourUnderSpinners measures a tenant's latency alone and beside 128
// connections that spin their whole budget. It prints both and asserts that
// every request is answered; the figure is judged by make bench, not by a clock here.
func TestNeighbourUnderSpinners(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	addr := harness.FreeAddr(t)
	harness.Start(t, tenants(addr, o.Addr, map[string]string{"loop": guest(t, "loop"), "hello": guest(t, "hello")}, ""))
	alone := latencies(t, addr, 100)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 128 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if got := ask(t, addr, "loop.test", "/loop"); status(got) != "503" {
						t.Errorf("spinner: %q", got)
						return
					}
				}
			}
		})
	}
	beside := latencies(t, addr, 100)
	close(stop)
	wg.Wait()
	t.Logf("neighbour alone p50 %v p99 %v; beside 128 spinners p50 %v p99 %v",
		alone[50], alone[98], beside[50], beside[98])
}

func latencies(t *testing.T, addr string, n int) []time.Duration {
	t.Helper()
	var list []time.Duration
	for range n {
		begin := time.Now()
		if got := ask(t, addr, "hello.test", "/"); status(got) != "200" {
			t.Fatalf("the neighbour is answered %q", got)
		}
		list = append(list, time.Since(begin))
	}
	slices.Sort(list)
	return list
}

// TestUnloadablePrograms: check names the defect, serve refuses to start with it.
func TestUnloadablePrograms(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	addr := harness.FreeAddr(t)
	s := harness.Start(t, site(addr, "", "", o.Addr))
	good, err := os.ReadFile(guest(t, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	machine := slices.Clone(good)
	machine[18], machine[19] = 62, 0 // x86-64
	for name, test := range map[string]struct {
		elf  []byte
		want string
	}{
		"truncated": {good[:len(good)/3], "truncated"},
		"machine":   {machine, "machine 62"},
		"text":      {[]byte("#!/bin/sh\n"), "ELF"},
		"empty":     {nil, "ELF"},
	} {
		path := filepath.Join(s.Dir, name+".elf")
		if err := os.WriteFile(path, test.elf, 0o644); err != nil {
			t.Fatal(err)
		}
		s.Write(tenants(addr, o.Addr, map[string]string{"shop": path}, ""))
		_, errs, code := s.Run("reload")
		if code != 1 || !strings.Contains(errs, test.want) || !strings.Contains(errs, "shop") {
			t.Errorf("%s: exit %d, %q; want exit 1 and a text with %q and the tenant", name, code, errs, test.want)
		}
		served(t, addr)
	}
	s.Write(tenants(addr, o.Addr, map[string]string{"shop": guest(t, "nowait")}, ""))
	if _, errs, code := s.Run("reload"); code != 1 || !strings.Contains(errs, "wait_for_requests") {
		t.Errorf("a program that never waits: exit %d, %q", code, errs)
	}
	served(t, addr)
}
