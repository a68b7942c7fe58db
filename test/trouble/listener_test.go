package trouble

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/harness"
)

// listenerSite is a site with a listener that changes and, when also is not
// empty, another one.
func listenerSite(t *testing.T, folder, origin, addr, extra, also string) string {
	t.Helper()
	text := fmt.Sprintf("certificate \"c\" {\n  cert = \"%s/c.pem\"\n  key = \"%s/c.key\"\n}\n", folder, folder) + site(addr, extra, "", origin)
	if also != "" {
		text += fmt.Sprintf("listener \"also\" { bind = [%q] }\n", also)
	}
	return text
}

const tlsBlock = "tls {\n certificates = [\"c\"]\n default = \"c\"\n}\n"

// TestListenersChangeUnderLoad adds and removes a listener twenty times while
// both it and another one are asked over new connections all the time: whoever
// was connected is answered. Where net.ipv4.tcp_migrate_req is on, the kernel
// moves handshakes between the shards of one address besides.
func TestListenersChangeUnderLoad(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	folder := t.TempDir()
	writeCertificate(t, folder, "c", time.Now().Add(time.Hour), "a.test")
	addr, also := harness.FreeAddr(t), harness.FreeAddr(t)
	s := harness.Start(t, listenerSite(t, folder, o.Addr, addr, "", also))

	stop := make(chan struct{})
	var wg sync.WaitGroup
	var done, failed, comes, cut atomic.Int64
	for range 2 {
		wg.Go(func() { hammer(addr, stop, &done, &failed) })
		wg.Go(func() { // short connections to the one that comes and goes
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := net.DialTimeout("tcp", also, 50*time.Millisecond)
				if err != nil {
					time.Sleep(time.Millisecond) // it is not there: who asks without pause takes the time of the others
					continue
				}
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				_, _ = io.WriteString(c, get)
				text, err := io.ReadAll(c)
				c.Close()
				if comes.Add(1); err != nil || status(string(text)) != "200" {
					cut.Add(1)
					t.Logf("cut: %q, %v", text, err)
				}
			}
		})
	}
	for i := range 20 {
		seen := comes.Load()
		s.Apply(listenerSite(t, folder, o.Addr, addr, fmt.Sprintf("accept {\n backlog = %d\n defer = \"%ds\"\n fast_open = %v\n}", 100+i, i%2, i%3 == 0), ""))
		s.Apply(listenerSite(t, folder, o.Addr, addr, "", also))
		harness.Eventually(t, "it serves again", func() bool { return comes.Load() > seen })
	}
	close(stop)
	wg.Wait()
	t.Logf("%d requests to the listener that stays, %d to the one that comes and goes", done.Load(), comes.Load())
	if failed.Load() > 0 || cut.Load() > 0 {
		t.Errorf("%d requests failed, %d connections were cut", failed.Load(), cut.Load())
	}
}

// TestListenerChangesInPlace turns TLS on and off and changes protocols without
// closing the socket: a connection of before goes on as it began.
func TestListenerChangesInPlace(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	folder := t.TempDir()
	writeCertificate(t, folder, "c", time.Now().Add(time.Hour), "a.test")
	addr := harness.FreeAddr(t)
	s := harness.Start(t, listenerSite(t, folder, o.Addr, addr, "", ""))
	inode := listeningInode(t, addr)
	ask := func(c net.Conn) string {
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		return status(string(b[:n]))
	}
	plain := harness.Dial(t, addr)
	if got := ask(plain); got != "200" {
		t.Fatalf("plain: %q", got)
	}
	secure := func() (net.Conn, error) {
		return tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", addr, &tls.Config{InsecureSkipVerify: true})
	}
	for round := range 3 {
		s.Apply(listenerSite(t, folder, o.Addr, addr, tlsBlock, ""))
		c, err := secure()
		if err != nil {
			t.Fatalf("round %d: TLS was turned on: %v", round, err)
		}
		if got := ask(c); got != "200" {
			t.Errorf("round %d: over TLS %q", round, got)
		}
		if got := ask(plain); got != "200" {
			t.Errorf("round %d: the plain connection of before: %q", round, got)
		}
		s.Apply(listenerSite(t, folder, o.Addr, addr, "protocols = [\"http/1.1\"]", ""))
		if got := ask(c); got != "200" {
			t.Errorf("round %d: the TLS connection of before: %q", round, got)
		}
		c.Close()
		if c, err := secure(); err == nil {
			c.Close()
			t.Errorf("round %d: TLS was turned off, and is spoken", round)
		}
		served(t, addr)
	}
	if now := listeningInode(t, addr); now != inode {
		t.Errorf("the socket was closed meanwhile: %s, then %s", inode, now)
	}
}

// listeningInode names the socket that listens on an IPv4 address.
func listeningInode(t *testing.T, addr string) string {
	t.Helper()
	list := listeningInodes(t, addr)
	if len(list) == 0 {
		t.Fatalf("nobody listens on %s", addr)
	}
	return list[0]
}

// TestListenersComeBackAtOnce removes a listener and adds it again, over and over:
// none waits until the sockets of the one before the last are closed, which linger a
// second and a half, so that those of three are open at a time.
func TestListenersComeBackAtOnce(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	folder := t.TempDir()
	writeCertificate(t, folder, "c", time.Now().Add(time.Hour), "a.test")
	addr, also := harness.FreeAddr(t), harness.FreeAddr(t)
	without := listenerSite(t, folder, o.Addr, addr, "", "")
	with := without + fmt.Sprintf("listener \"also\" {\n  bind = [%q]\n  accept { shards = 1 }\n}\n", also) // a socket each
	s := harness.Start(t, with)
	most := 0
	for range 20 { // a machine that stands still may close some meanwhile
		for _, text := range []string{without, with} {
			s.Write(text)
			if code, out := s.Admin("POST", "/v1/reload", nil); code != 200 {
				t.Fatal(code, out)
			}
		}
		served(t, also)
		if most = max(most, len(listeningInodes(t, also))); most >= 3 {
			return
		}
	}
	t.Errorf("the sockets of %d listeners were open at a time", most)
}

// listeningInodes names all sockets that listen on an address.
func listeningInodes(t *testing.T, addr string) (list []string) {
	t.Helper()
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	file, local, bytes := "/proc/net/tcp", "", a.Addr().AsSlice()
	if a.Addr().Is6() {
		file = "/proc/net/tcp6"
	}
	for word := range slices.Chunk(bytes, 4) {
		local += fmt.Sprintf("%08X", binary.NativeEndian.Uint32(word))
	}
	local += fmt.Sprintf(":%04X", a.Port())
	table, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 9 && f[1] == local && f[3] == "0A" {
			list = append(list, f[9])
		}
	}
	return list
}
