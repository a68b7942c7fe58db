package admin

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// asked asks for the history on a connection, and returns what came instead of an
// answer.
func asked(c net.Conn, in *bufio.Reader) (last bool, err error) {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprintf(c, "GET /v1/history HTTP/1.1\r\nHost: admin\r\n\r\n"); err != nil {
		return false, err
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return false, fmt.Errorf("status %d", resp.StatusCode)
	}
	return resp.Close, nil
}

// TestLeaveAnswersWhatItTook hands the socket from one server to the next while
// clients connect: whoever took a connection answers it.
func TestLeaveAnswersWhatItTook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	s := New(Options{Control: &fake{}})
	commit(t, s, path, "")
	idle, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	in := bufio.NewReader(idle)
	if last, err := asked(idle, in); err != nil || last {
		t.Fatal(last, err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := net.Dial("unix", path)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := asked(c, bufio.NewReader(c)); err != nil {
					t.Error(err)
				}
				c.Close()
			}
		})
	}
	for range 20 {
		files, err := s.Sockets()
		if err != nil {
			t.Fatal(err)
		}
		next := New(Options{Control: &fake{}})
		next.Inherit(files)
		commit(t, next, path, "")
		left := make(chan struct{})
		go func(s *Server) { s.Leave(); close(left) }(s)
		if idle != nil { // its question is on its way when the server leaves
			if _, err := asked(idle, in); err != nil {
				t.Errorf("on an idle connection: %v", err)
			}
			idle.Close()
			idle = nil
		}
		<-left
		s = next
	}
	close(stop)
	wg.Wait()
	s.Close()
}

// TestRefusedSuccessorLeavesTheSocket: a server that takes a socket over and then
// gives up does not take it from the one that still answers.
func TestRefusedSuccessorLeavesTheSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	s := New(Options{Control: &fake{}})
	commit(t, s, path, "")
	defer s.Close()
	files, err := s.Sockets()
	if err != nil {
		t.Fatal(err)
	}
	next := New(Options{Control: &fake{}})
	next.Inherit(files)
	u, err := next.Prepare(path, "")
	if err != nil {
		t.Fatal(err)
	}
	u.Abort()
	next.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := asked(c, bufio.NewReader(c)); err != nil {
		t.Error(err)
	}
}
