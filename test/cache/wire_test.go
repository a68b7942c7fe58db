package cache

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"fishplate/test/harness"
)

// TestPipelinedRequests sends many requests of all kinds at once on one
// connection: hits, misses, parts, conditions that hold, bodies sent on. The
// answers come in order, each with its own bytes.
func TestPipelinedRequests(t *testing.T) {
	_, addr, _ := launch(t, ordinary, func(w net.Conn, r *http.Request) bool {
		control, status := "max-age=60", "200 OK"
		switch r.URL.Path[1] {
		case 'n':
			control = "no-store"
		case 'e':
			status = "404 Not Found"
		}
		body := pattern(r.URL.Path, 1, size(r.URL.Path, 1))
		head := fmt.Sprintf("HTTP/1.1 %s\r\nETag: \"1\"\r\nCache-Control: %s\r\n", status, control)
		switch {
		case r.Method == http.MethodHead:
			fmt.Fprintf(w, "%sContent-Length: %d\r\n\r\n", head, len(body))
			return true
		case r.URL.Path[1] == 'c':
			_, err := fmt.Fprintf(w, "%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(body), body)
			return err == nil
		}
		_, err := fmt.Fprintf(w, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
		return err == nil
	})
	type question struct{ method, path, fields string }
	r := rand.New(rand.NewPCG(8, 8))
	var list []question
	for range 400 {
		list = append(list, question{
			pick(r, "GET", "GET", "GET", "GET", "HEAD", "POST"),
			fmt.Sprintf("/%s%d", pick(r, "a", "b", "c", "n", "e"), r.IntN(8)),
			pick(r, "", "", "", "Range: bytes=0-9\r\n", "Range: bytes=5-5,700-700\r\n", "Range: bytes=9999999-\r\n", "If-None-Match: \"1\"\r\n", "Cache-Control: no-cache\r\n", "Cache-Control: only-if-cached\r\n"),
		})
	}
	c := harness.Dial(t, addr)
	_ = c.SetDeadline(time.Now().Add(4 * patience))
	go func() {
		w := bufio.NewWriter(c)
		for _, q := range list {
			body := ""
			if q.method == "POST" {
				body = "x=1"
			}
			fmt.Fprintf(w, "%s %s HTTP/1.1\r\nHost: x.plain.test\r\n%sContent-Length: %d\r\n\r\n%s", q.method, q.path, q.fields, len(body), body)
		}
		_ = w.Flush()
	}()
	in := bufio.NewReader(c)
	for i, q := range list {
		got, err := receive(in, q.method)
		if err != nil || got.broken {
			t.Fatalf("answer %d, to %v: %v, %+v", i, q, err, got)
		}
		whole := string(pattern(q.path, 1, size(q.path, 1)))
		good := false
		switch got.first {
		case "200", "404":
			good = got.body == whole || q.method == "HEAD" && got.body == ""
		case "206":
			good = strings.Contains(got.body, whole[5:6]) && q.method == "GET" && strings.HasPrefix(q.fields, "Range")
		case "304":
			good = strings.HasPrefix(q.fields, "If-None") && got.body == ""
		case "416":
			good = strings.HasPrefix(q.fields, "Range") && !strings.Contains(got.body, "v1")
		case "504":
			good = strings.Contains(q.fields, "only-if-cached")
		}
		if !good {
			t.Fatalf("answer %d, to %v, is %s %.200q", i, q, got.first, got.body)
		}
	}
}

// TestOldClients: HTTP/1.0 clients get stored answers that came in chunks, and
// keep their connection only when they say so.
func TestOldClients(t *testing.T) {
	body := pattern("/c", 1, 3000)
	_, addr, _ := launch(t, ordinary, func(w net.Conn, _ *http.Request) bool {
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		return err == nil
	})
	for i := range 3 { // a miss, then hits
		text := harness.Exchange(t, addr, "GET /c HTTP/1.0\r\nHost: x.plain.test\r\n\r\n", patience)
		head, got, _ := strings.Cut(text, "\r\n\r\n")
		if got != string(body) || strings.Contains(strings.ToLower(head), "transfer-encoding") {
			t.Errorf("request %d: %d bytes of %d, head %q", i, len(got), len(body), head)
		}
	}
	c := harness.Dial(t, addr)
	_ = c.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(c)
	for i := range 3 {
		if _, err := io.WriteString(c, "GET /c HTTP/1.0\r\nHost: x.plain.test\r\nConnection: keep-alive\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		got, err := receive(r, "GET")
		if err != nil || !bytes.Equal([]byte(got.body), body) {
			t.Fatalf("kept connection, request %d: %v", i, err)
		}
	}
}

// TestNothingOfAClientIsStored: a field that a client names as its hop's own is not
// sent on, so it must not select what is stored: whoever sends it for good gets an
// answer of its own.
func TestNothingOfAClientIsStored(t *testing.T) {
	_, addr, _ := launch(t, ordinary, func(w net.Conn, r *http.Request) bool {
		body := fmt.Sprint(r.Header["X-Evil"], r.Header["Connection"], r.Host)
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nVary: X-Evil\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return err == nil
	})
	evil := message{first: "GET", target: "/", fields: []string{"X-Evil: 1", "Connection: X-Evil"}}
	first, err := ask(addr, "x.plain.test", evil)
	if err != nil {
		t.Fatal(err)
	}
	// The field was the client's own hop: the origin never saw it.
	if strings.Contains(first.body, "1") {
		t.Errorf("a field that Connection names was sent on: %q", first.body)
	}
	second, err := ask(addr, "x.plain.test", message{first: "GET", target: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if second.body != first.body {
		t.Logf("the second client got %q of its own", second.body)
	}
	third, err := ask(addr, "x.plain.test", message{first: "GET", target: "/", fields: []string{"X-Evil: 1"}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(third.body, "[1]") {
		t.Errorf("a client that sends the field got %q, made for one that did not", third.body)
	}
}
