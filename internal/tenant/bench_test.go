package tenant

import (
	"context"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"fishplate/internal/message"
)

// BenchmarkOnRecvEmpty is everything that a program which does nothing adds to
// a request: admission, fork, call, reset.
func BenchmarkOnRecvEmpty(b *testing.B) {
	tn := start(b, guestModel("loop")) // at "/" it reads the URL, appends a field and returns
	req := request("/")
	fields := req.Header.Save(nil)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		r, f := tn.Admit(ctx)
		if f != nil {
			b.Fatal(f)
		}
		if _, f := r.OnRecv(ctx, req, ""); f != nil {
			b.Fatal(f)
		}
		r.Release()
		b.StopTimer()
		req.Header.Reset(nil)
		req.Header.Restore(fields[:0])
		b.StartTimer()
	}
}

// BenchmarkForge is a small answer made by a program: on_recv in one fork, the
// answer in another.
func BenchmarkForge(b *testing.B) {
	tn := start(b, guestModel("shop"))
	req := request("/api/product/42")
	var resp message.Response
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		r, f := tn.Admit(ctx)
		if f != nil {
			b.Fatal(f)
		}
		if _, f := r.OnRecv(ctx, req, ""); f != nil {
			b.Fatal(f)
		}
		resp.Reset(nil)
		if _, f := r.Forge(ctx, req, nil, &resp); f != nil {
			b.Fatal(f)
		}
		r.Release()
	}
}

// BenchmarkNeighbour prints what a tenant's short calls and a TCP echo take,
// alone and among 128 calls that spin for 20 million instructions each.
func BenchmarkNeighbour(b *testing.B) {
	for _, spinners := range []int{0, 128} {
		name := "alone"
		if spinners > 0 {
			name = "among128"
		}
		b.Run(name, func(b *testing.B) { neighbour(b, spinners) })
	}
}

func neighbour(b *testing.B, spinners int) {
	s := quietSet(0)
	defer s.Close()
	loop := guestModel("loop")
	loop.Instructions, loop.Concurrency, loop.Time = 20_000_000, 128, time.Minute
	load(b, s, loop, guestModel("hello"))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range spinners {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for ctx.Err() == nil {
				if r, f := s.Tenant("loop").Admit(ctx); f == nil {
					_, _ = r.OnRecv(ctx, request("/loop"), "")
					r.Release()
				}
			}
		}()
	}
	conn, end := echo(b)
	var calls, echoes []time.Duration
	one := make([]byte, 1)
	b.ResetTimer()
	for range b.N {
		// Paced, as requests are: a client that never pauses is no neighbour.
		time.Sleep(200 * time.Microsecond)
		begin := time.Now()
		if _, f := recv(b, s.Tenant("hello"), request("/"), ""); f != nil {
			b.Fatal(f)
		}
		calls = append(calls, time.Since(begin))
		begin = time.Now()
		if _, err := conn.Write(one); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, one); err != nil {
			b.Fatal(err)
		}
		echoes = append(echoes, time.Since(begin))
	}
	b.StopTimer()
	cancel()
	wg.Wait()
	end()
	report(b, "call", calls)
	report(b, "echo", echoes)
}

func report(b *testing.B, what string, d []time.Duration) {
	slices.Sort(d)
	b.ReportMetric(float64(d[len(d)/2].Nanoseconds())/1e6, what+"-p50-ms")
	b.ReportMetric(float64(d[len(d)*99/100].Nanoseconds())/1e6, what+"-p99-ms")
}

// echo returns a connection to a server that sends back what it gets.
func echo(b *testing.B) (conn net.Conn, end func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(c, c)
		_ = c.Close()
	}()
	if conn, err = net.Dial("tcp", l.Addr().String()); err != nil {
		b.Fatal(err)
	}
	return conn, func() {
		_ = conn.Close()
		_ = l.Close()
		<-done
	}
}
