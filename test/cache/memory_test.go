package cache

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/test/harness"
)

var unique = flag.Int("unique", 160_000, "requests for different objects in TestMemoryIsBounded")

// plain starts the product as it is shipped: the race detector's shadow memory
// would be measured otherwise.
func plain(t *testing.T) harness.Option {
	t.Helper()
	path := os.Getenv("FISHPLATE_BINARY")
	if path == "" {
		root, err := harness.Module()
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(t.TempDir(), "fishplate")
		cmd := exec.Command("go", "build", "-o", path, "./cmd/fishplate")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	return func(cmd *exec.Cmd) { cmd.Path, cmd.Args[0] = path, path }
}

// swarm answers pipelined requests as fast as it can. What is in the path says
// what the answer is like.
func swarm(c net.Conn) {
	r, w := bufio.NewReaderSize(c, 1<<16), bufio.NewWriterSize(c, 1<<16)
	filler := bytes.Repeat([]byte("x"), 4096)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		var n, size int
		kind := line[5]
		fmt.Sscanf(string(line[7:]), "%d/%d", &n, &size)
		for len(line) > 2 {
			if line, err = r.ReadSlice('\n'); err != nil {
				return
			}
		}
		switch kind {
		case 'p': // one that may not be stored
			fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: %d\r\n\r\n", size)
		case 'v': // one more variant of the same
			fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nVary: X-A\r\nContent-Length: %d\r\n\r\n", size)
		case 't': // with tags that nobody else has
			fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nSurrogate-Key: a%d b%d c%d\r\nContent-Length: %d\r\n\r\n", n, n, n, size)
		case 'h': // with a large head
			fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nX-Large: %s\r\nContent-Length: %d\r\n\r\n", filler[:3000], size)
		default:
			fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n", size)
		}
		_, _ = w.Write(filler[:size])
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
	}
}

// flood asks for requests from to to, a few at a time on one connection.
func flood(addr string, from, to int) error {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	w, r := bufio.NewWriterSize(c, 1<<16), bufio.NewReaderSize(c, 1<<16)
	const batch = 32
	for n := from; n < to; n += batch {
		_ = c.SetDeadline(time.Now().Add(2 * patience))
		for i := n; i < n+batch; i++ {
			kind, extra := "ooootthv"[i%8], ""
			size := 50 + i*7919%1500
			if i%64 == 63 {
				kind = 'p'
			}
			path := fmt.Sprintf("/%c/%d/%d", kind, i, size)
			if kind == 'v' { // one URL, as many variants as there are clients
				path, extra = fmt.Sprintf("/v/%d/500", i%512), fmt.Sprintf("X-A: %d%s\r\n", i, strings.Repeat("y", 200))
			}
			if i%32 == 0 {
				path += "/" + strings.Repeat("z", 1500)
			}
			fmt.Fprintf(w, "GET %s HTTP/1.1\r\nHost: x.plain.test\r\n%s\r\n", path, extra)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		for range batch {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
				return fmt.Errorf("status %d, %v", resp.StatusCode, err)
			}
		}
	}
	return nil
}

// TestMemoryIsBounded asks for many times more different objects than fit: long
// keys, large heads, tags of their own, variants without end, answers that may
// not be stored. The process grows by what was configured and no more.
func TestMemoryIsBounded(t *testing.T) {
	const memory = 64 << 20
	o := harness.NewOrigin(t, swarm)
	addr := harness.FreeAddr(t)
	s := harness.Start(t, site(addr, o.Addr, profile{name: "plain", text: ordinary}), plain(t))
	if err := flood(addr, 0, 1024); err != nil { // so that what all requests share is there
		t.Fatal(err)
	}
	before := harness.Memory(t, s.PID(), "VmRSS")
	const clients = 4
	var wg sync.WaitGroup
	start := time.Now()
	for i := range clients {
		wg.Go(func() {
			each := *unique / clients
			if err := flood(addr, 1024+i*each, 1024+(i+1)*each); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	after, peak := harness.Memory(t, s.PID(), "VmRSS"), harness.Memory(t, s.PID(), "VmHWM")
	t.Logf("%d objects in %v: resident %d MiB before, %d MiB after, %d MiB at most; store of %d MiB",
		*unique, time.Since(start).Round(time.Second), before>>20, after>>20, peak>>20, memory>>20)
	// Beside the store there are connections, buffers and the collector's room.
	const beside = 24 << 20
	if after-before > memory*105/100+beside || peak-before > memory*105/100+beside {
		t.Errorf("the process grew by %d MiB, at most %d MiB, with a store of %d MiB", (after-before)>>20, (peak-before)>>20, memory>>20)
	}
}
