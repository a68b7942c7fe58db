package cache

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"fishplate/internal/cache/encode"
	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// codedCache is a cache with a policy that makes variants.
type codedCache struct {
	t      testing.TB
	policy *Policy
	v      Visit
	env    predicate.Env
}

func newCodedCache(t testing.TB) *codedCache {
	t.Helper()
	c := New(Options{})
	t.Cleanup(c.Close)
	cfg := &model.Config{Caches: []*model.Cache{{Name: "main", Memory: 32 << 20, MaxObject: 4 << 20}}}
	u, err := c.Prepare(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := u.Compile(&model.CachePolicy{
		Enabled: true, Store: "main", Methods: []string{"GET", "HEAD"}, Range: "whole", Wait: time.Second,
		Key:    model.CacheKey{Query: "all", Scheme: true, Host: true},
		Encode: &model.CacheEncode{Types: []string{"text/*"}, Codings: []string{"br", "zstd", "gzip"}, Min: 100},
	}, "vhost/a", predicate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u.Commit()
	return &codedCache{t: t, policy: p}
}

func (c *codedCache) request(accept string) *message.Request {
	r := &message.Request{Method: []byte("GET"), Scheme: "http", Host: []byte("a.test"), Path: []byte("/page"), Minor: 1}
	if accept != "" {
		r.Add("Accept-Encoding", accept)
	}
	return r
}

// store puts a page there as a fetch does.
func (c *codedCache) store(body string) {
	c.t.Helper()
	var v Visit
	now := time.Now()
	v.Open(context.Background(), c.policy, Request{Req: c.request("gzip"), Env: &predicate.Env{}, Now: now})
	if v.State != Fetch {
		c.t.Fatalf("state %d", v.State)
	}
	resp := &message.Response{Status: 200, Framing: message.Length, Length: int64(len(body))}
	for _, f := range [][2]string{{"Content-Type", "text/html"}, {"Cache-Control", "max-age=60"}, {"ETag", `"e"`}, {"Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}} {
		resp.Add(f[0], f[1])
	}
	if got := v.Take(resp, now, now); got != Stored {
		c.t.Fatalf("taken %d, %v", got, v.reason)
	}
	f := v.Filling()
	f.Append([]byte(body))
	f.End(true)
	v.End()
}

// ask looks the page up and returns its fields and body.
func (c *codedCache) ask(req *message.Request, resp *message.Response, body []byte) []byte {
	v := &c.v
	v.Open(context.Background(), c.policy, Request{Req: req, Env: &c.env, Now: time.Now()})
	if v.State != Hit {
		c.t.Fatalf("state %d", v.State)
	}
	if !v.Answer(resp) {
		c.t.Fatal("no answer")
	}
	for at := int64(0); ; {
		piece := v.Reader.Next(at)
		if len(piece) > 0 {
			body = append(body, piece...)
			at += int64(len(piece))
			continue
		}
		more, whole := v.Reader.Await(at, nil)
		if whole && !more {
			break
		}
		if !more {
			c.t.Fatal("the body breaks off")
		}
	}
	return body
}

func (c *codedCache) decode(coding encode.Coding, body []byte) string {
	if coding == encode.Identity {
		return string(body)
	}
	r, err := c.policy.store.caches.coders.codecs.Reader(coding, bytes.NewReader(body), 1<<20)
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

// TestVariantsFollowTheirBase shows that a variant of an earlier base is never
// taken, though its key and tag are the same.
func TestVariantsFollowTheirBase(t *testing.T) {
	c := newCodedCache(t)
	for turn, body := range []string{strings.Repeat("first ", 1000), strings.Repeat("other ", 1000), strings.Repeat("third ", 40000)} {
		c.store(body)
		for range 2 {
			for accept, want := range map[string]encode.Coding{"gzip": encode.Gzip, "br": encode.Brotli, "zstd": encode.Zstd, "": encode.Identity} {
				var resp message.Response
				got := c.ask(c.request(accept), &resp, nil)
				if coding := encode.CodingOf(&resp.Header); coding != want || c.decode(coding, got) != body {
					t.Errorf("turn %d, %q: %v, %d bytes", turn, accept, coding, len(got))
				}
				c.v.End()
			}
		}
		var v Visit
		v.Open(context.Background(), c.policy, Request{Req: c.request(""), Env: &predicate.Env{}, Now: time.Now()})
		if v.Object == nil {
			t.Fatal("the base is gone")
		}
		v.Object.Remove()
		v.End()
	}
}

// TestVariantHitAllocatesNothing is about look-ups of what was made before.
func TestVariantHitAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	c := newCodedCache(t)
	c.store(strings.Repeat("text ", 1000))
	req := c.request("gzip, deflate, br")
	var resp message.Response
	body := make([]byte, 0, 8<<10)
	run := func() {
		c.ask(req, &resp, body)
		c.v.End()
	}
	run()
	if n := testing.AllocsPerRun(200, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkVariantHit(b *testing.B) {
	for _, accept := range []string{"", "gzip, deflate, br"} {
		b.Run("accept="+accept, func(b *testing.B) {
			c := newCodedCache(b)
			c.store(strings.Repeat("text ", 1000))
			req := c.request(accept)
			var resp message.Response
			body := make([]byte, 0, 8<<10)
			b.ReportAllocs()
			for b.Loop() {
				c.ask(req, &resp, body)
				c.v.End()
			}
		})
	}
}
