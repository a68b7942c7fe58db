package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/internal/cache"
	"fishplate/internal/model"
)

// cached gives the configuration's route a cache policy as config would.
func cached(cfg *model.Config) *model.Config {
	cfg.Caches = []*model.Cache{{Name: "main", Memory: 16 << 20, MaxObject: 4 << 20}}
	cfg.Partitions = []*model.Partition{{Name: "vhost/any"}}
	route := cfg.VHosts[0].Routes[0]
	route.Partition = "vhost/any"
	route.Effective = &model.CachePolicy{
		Enabled: true, Store: "main", Keep: time.Hour, HitForMiss: time.Minute, Wait: 5 * time.Second, Methods: []string{"GET", "HEAD"},
		SetCookie: "refuse", Client: "obey", TagHeaders: []string{"xkey"}, Range: "whole", Status: true,
		Key: model.CacheKey{Query: "all", Scheme: true, Host: true}, Vary: model.CacheVary{Encoding: true},
	}
	return cfg
}

// withCaches adds stores to a rig.
func withCaches(t testing.TB) func(*Parts) {
	t.Helper()
	caches := cache.New(cache.Options{})
	t.Cleanup(caches.Close)
	return func(p *Parts) {
		u, err := caches.Prepare(p.Config)
		if err != nil {
			t.Fatal(err)
		}
		u.Commit()
		p.Caches = u
	}
}

// cachedRig is plainRig with a cache in front of an origin whose answer is
// fresh for an hour.
func cachedRig(t testing.TB, body string) (*rig, net.Conn) {
	t.Helper()
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\nContent-Type: text/plain\r\n" +
		"Cache-Control: max-age=3600\r\nETag: \"1\"\r\n\r\n" + body)
	o := newOrigin(t, func(c *client) {
		buf := make([]byte, 4096)
		for {
			if _, err := c.Conn.Read(buf); err != nil {
				return
			}
			if _, err := c.Conn.Write(answer); err != nil {
				return
			}
		}
	})
	cfg := cached(base(o.addr))
	cfg.Logs = nil
	r := newRigWith(t, cfg, withCaches(t))
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return r, c
}

// warm fills the cache and returns the length of a hit's answer.
func warm(t testing.TB, c net.Conn, buf []byte, body int) int {
	t.Helper()
	n := 0
	for range 2 {
		if _, err := c.Write(plainRequest); err != nil {
			t.Fatal(err)
		}
		var err error
		if n, err = io.ReadAtLeast(c, buf, body+200); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func TestHitAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	body := string(make([]byte, 1024))
	_, c := cachedRig(t, body)
	buf := make([]byte, 8192)
	n := warm(t, c, buf, len(body))
	if avg := testing.AllocsPerRun(2000, func() { roundTrip(t, c, plainRequest, buf, n) }); avg >= 1 {
		t.Errorf("%.2f allocations for each hit, want 0", avg)
	}
}

func BenchmarkHit(b *testing.B) {
	body := string(make([]byte, 1024))
	_, c := cachedRig(b, body)
	buf := make([]byte, 8192)
	n := warm(b, c, buf, len(body))
	b.ReportAllocs()
	for b.Loop() {
		roundTrip(b, c, plainRequest, buf, n)
	}
}

// BenchmarkMiss fetches another object each time: what it costs above
// BenchmarkPlainProxying is the price of storing.
func BenchmarkMiss(b *testing.B) {
	body := string(make([]byte, 128))
	_, c := cachedRig(b, body)
	buf := make([]byte, 8192)
	n := warm(b, c, buf, len(body))
	b.ReportAllocs()
	request := []byte("GET /0000000000 HTTP/1.1\r\nHost: example.test\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
	at := len("GET /")
	i := 1000000000
	for b.Loop() {
		i++
		strconv.AppendInt(request[:at], int64(i), 10)
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadAtLeast(c, buf, n-20); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPartsAreThereForWhoHasThem: whoever has a part of an answer, and asks for
// a part of that part, is not the cause of another fetch.
func TestPartsAreThereForWhoHasThem(t *testing.T) {
	const whole = "0123456789"
	var fetches atomic.Int64
	o := newOrigin(t, func(c *client) {
		in := bufio.NewReader(c.Conn)
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			fetches.Add(1)
			var first, last int
			if _, err := fmt.Sscanf(req.Header.Get("Range"), "bytes=%d-%d", &first, &last); err != nil {
				t.Errorf("asked for %q: %v", req.Header.Get("Range"), err)
				return
			}
			part := whole[first : last+1]
			if _, err := fmt.Fprintf(c.Conn, "HTTP/1.1 206 Partial Content\r\nContent-Length: %d\r\nContent-Range: bytes %d-%d/10\r\n"+
				"Cache-Control: max-age=60\r\nETag: \"a\"\r\n\r\n%s", len(part), first, last, part); err != nil {
				return
			}
		}
	})
	cfg := cached(base(o.addr))
	cfg.VHosts[0].Routes[0].Effective.Range = "pass"
	r := newRigWith(t, cfg, withCaches(t))
	const keys = 200
	for i := range keys {
		for _, ask := range [...][2]int{{0, 4}, {5, 9}, {3, 6}} {
			req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://%s/%d", r.addr, i), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "example.test"
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", ask[0], ask[1]))
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if want := whole[ask[0] : ask[1]+1]; err != nil || resp.StatusCode != 206 || string(body) != want {
				t.Fatalf("%v: %s %q %v, want %q", ask, resp.Status, body, err, want)
			}
		}
	}
	if n := fetches.Load(); n != 2*keys {
		t.Errorf("%d fetches, want two of each of %d", n, keys)
	}
}

// TestWholeIsThereForWhoHasIt: when the last byte of a body that has a length
// reaches a client, the object is in the store. Who asks for its head, or for a
// part of a part, waits for nobody's fetch and would ask the origin again.
func TestWholeIsThereForWhoHasIt(t *testing.T) {
	const whole = "0123456789"
	var asked sync.Map          // paths
	read := make(chan struct{}) // a client has the head
	o := newOrigin(t, func(c *client) {
		in := bufio.NewReader(c.Conn)
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, again := asked.LoadOrStore(req.URL.Path, true)
			if again {
				t.Errorf("%s %s is fetched again", req.Method, req.URL.Path)
			}
			part, head := whole, "HTTP/1.1 200 OK\r\n"
			var first, last int
			if _, err := fmt.Sscanf(req.Header.Get("Range"), "bytes=%d-%d", &first, &last); err == nil {
				part = whole[first : last+1]
				head = fmt.Sprintf("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-%d/10\r\n", first, last)
			}
			fmt.Fprintf(c.Conn, "%sContent-Length: %d\r\nCache-Control: max-age=60\r\nETag: \"a\"\r\n\r\n", head, len(part))
			if !again {
				<-read // the rest is taken in by somebody else than the client's exchange
			}
			if req.Method == http.MethodHead {
				continue
			}
			if _, err := io.WriteString(c.Conn, part); err != nil {
				return
			}
		}
	})
	cfg := cached(base(o.addr))
	cfg.VHosts[0].Routes[0].Effective.Range = "pass"
	r := newRigWith(t, cfg, withCaches(t))
	ask := func(method, path, ranges string, miss bool, want string) {
		req, err := http.NewRequest(method, "http://"+r.addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "example.test"
		if ranges != "" {
			req.Header.Set("Range", ranges)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if miss {
			read <- struct{}{}
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != want {
			t.Fatalf("%s %s %s: %s %q %v, want %q", method, path, ranges, resp.Status, body, err, want)
		}
	}
	for i := range 500 {
		ask("GET", fmt.Sprintf("/whole%d", i), "", true, whole)
		ask("HEAD", fmt.Sprintf("/whole%d", i), "", false, "")
		ask("GET", fmt.Sprintf("/part%d", i), "bytes=0-4", true, whole[:5])
		ask("GET", fmt.Sprintf("/part%d", i), "bytes=1-3", false, whole[1:4])
	}
}

// TestOneFetchForMany: clients that ask for one thing at the same time are the cause
// of one fetch, also who looked before it had come and asked for it after that.
func TestOneFetchForMany(t *testing.T) {
	const clients, keys = 4, 2000
	var fetches atomic.Int64
	o := newOrigin(t, func(c *client) {
		in := bufio.NewReader(c.Conn)
		for {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			fetches.Add(1)
			if _, err := io.WriteString(c.Conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\n\r\nok"); err != nil {
				return
			}
		}
	})
	r := newRigWith(t, cached(base(o.addr)), withCaches(t))
	var lines [clients]*bufio.ReadWriter
	for i := range lines {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		lines[i] = bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c))
	}
	for key := range keys {
		var all sync.WaitGroup
		for _, line := range lines {
			all.Go(func() {
				fmt.Fprintf(line, "GET /%d HTTP/1.1\r\nHost: example.test\r\n\r\n", key)
				if err := line.Flush(); err != nil {
					t.Error(err)
					return
				}
				resp, err := http.ReadResponse(line.Reader, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if body, err := io.ReadAll(resp.Body); string(body) != "ok" {
					t.Errorf("%q, %v", body, err)
				}
			})
		}
		all.Wait()
	}
	if n := fetches.Load(); n != keys {
		t.Errorf("%d fetches of %d objects", n, keys)
	}
}
