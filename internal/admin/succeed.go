package admin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Sockets returns copies of the sockets that the Server answers on, by address,
// for a process that takes this one's place.
func (s *Server) Sockets() (map[string]*os.File, error) {
	s.doors.mu.Lock()
	open := [2]*door{s.doors.socket, s.doors.bind}
	s.doors.mu.Unlock()
	files := map[string]*os.File{}
	for _, d := range open {
		if d == nil {
			continue
		}
		l, ok := d.l.(interface{ File() (*os.File, error) })
		if !ok {
			continue
		}
		f, err := l.File()
		if err != nil {
			return files, fmt.Errorf("hand over %s: %w", d.address, err)
		}
		files[d.address] = f
	}
	return files, nil
}

// Inherit makes the first Prepare take those sockets in place of new ones.
func (s *Server) Inherit(files map[string]*os.File) {
	s.doors.mu.Lock()
	defer s.doors.mu.Unlock()
	s.doors.given = files
}

// inherited returns the socket of the process before; nil is none.
func (s *Server) inherited(address string) (net.Listener, func(), error) {
	s.doors.mu.Lock()
	f := s.doors.given[address]
	delete(s.doors.given, address)
	s.doors.mu.Unlock()
	if f == nil {
		return nil, nil, nil
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, nil, fmt.Errorf("take over %s: %w", address, err)
	}
	u, ok := l.(*net.UnixListener)
	if !ok {
		return l, func() {}, nil
	}
	u.SetUnlinkOnClose(false)
	release := func() {}
	if mine, err := os.Lstat(address); err == nil {
		release = func() { removeSame(address, mine) }
	}
	return l, release, nil
}

// Leave stops accepting, and leaves the sockets to whoever has copies of them. Who
// was accepted is answered; a connection that waits for its next question gets that
// answered too, if it comes soon.
func (s *Server) Leave() {
	var doors sync.WaitGroup
	for _, d := range s.shutDoors() {
		doors.Go(func() {
			d.release = func() {}
			d.leave()
		})
	}
	doors.Wait()
}

// lastQuestion is how long an idle connection of a door that is left may ask once
// more: longer than a question is on its way, and no client asks seldom by chance.
const lastQuestion = time.Second

// leave is close for a door whose socket lives on. The http.Server would close idle
// connections at once, under the question that is on its way, and may not know yet
// which connection it accepted last.
func (d *door) leave() {
	d.leaving.Store(true)
	_ = d.l.Close()
	<-d.done
	for end := time.Now().Add(lastQuestion); d.open.Load() > 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	d.close(finishCalls)
}

// answer makes the answers of a door that is left the last of their connections.
func (d *door) answer(w http.ResponseWriter, r *http.Request) {
	if d.leaving.Load() {
		w.Header().Set("Connection", "close")
	}
	d.inside.ServeHTTP(w, r)
}

// count follows the open connections.
func (d *door) count(c net.Conn, s http.ConnState) {
	d.conns.Follow(c, s)
	switch s {
	case http.StateNew:
		d.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		d.open.Add(-1)
	}
}

// UpgradeRequest asks for another process in place of this one.
type UpgradeRequest struct {
	Path  string `json:"path,omitempty"` // of the binary; "" is this one's
	Force bool   `json:"force,omitempty"`
	// Within bounds how long the new process may take to be ready; "" is 2m.
	Within string `json:"within,omitempty"`
}

// UpgradeResult tells who has taken over.
type UpgradeResult struct {
	PID     int     `json:"pid"`
	Version string  `json:"version"`
	Seconds float64 `json:"seconds"` // until it was ready
	Pause   float64 `json:"pause"`   // seconds without anybody who accepted; connections waited
}

func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) error {
	if s.o.Upgrade == nil {
		return fmt.Errorf("upgrade: %w here", http.ErrNotSupported)
	}
	var q UpgradeRequest
	if err := question(r, &q); err != nil {
		return err
	}
	if _, err := time.ParseDuration(q.Within); err != nil && q.Within != "" {
		return fmt.Errorf("%w: within is a time such as 60s, not %q", ErrInvalid, q.Within)
	}
	result, err := s.o.Upgrade(r.Context(), author(r), q)
	if err != nil {
		refuse(w, http.StatusConflict, err)
		return nil
	}
	return answer(w, http.StatusOK, result)
}

// Upgrade asks for another process in place of the one that answers.
func (c *Client) Upgrade(ctx context.Context, q UpgradeRequest) (r UpgradeResult, err error) {
	return r, c.call(ctx, "POST", "/v1/upgrade", q, &r)
}
