package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
)

// stream writes server-sent events (the text/event-stream format of the HTML
// standard, §9.2). It begins its answer with the first event, so that an error
// before it can still be a status.
type stream struct {
	w     http.ResponseWriter
	flush *http.ResponseController
	begun bool
	buf   bytes.Buffer
}

func newStream(w http.ResponseWriter) *stream {
	return &stream{w: w, flush: http.NewResponseController(w)}
}

func (s *stream) begin() error {
	s.begun = true
	s.w.Header().Set("Content-Type", "text/event-stream")
	s.w.WriteHeader(http.StatusOK)
	return s.flush.Flush()
}

// send writes one event; data holds no newline, or one "data:" line is written
// for each of its lines.
func (s *stream) send(name string, data []byte) error {
	if !s.begun {
		if err := s.begin(); err != nil {
			return err
		}
	}
	s.buf.Reset()
	if name != "" {
		s.buf.WriteString("event: " + name + "\n")
	}
	for line := range bytes.Lines(data) {
		s.buf.WriteString("data: ")
		s.buf.Write(bytes.TrimRight(line, "\n"))
		s.buf.WriteByte('\n')
	}
	s.buf.WriteByte('\n')
	if _, err := s.w.Write(s.buf.Bytes()); err != nil {
		return err
	}
	return s.flush.Flush()
}

// finish ends the answer; an error that comes after the first event is the
// event "error".
func (s *stream) finish(err error) error {
	if err != nil {
		_ = s.send("error", []byte(err.Error())) // the caller may have left
		return nil
	}
	if !s.begun {
		return s.begin()
	}
	return nil
}

// hub hands events to everyone who listens at the moment. A listener that does
// not keep up misses events rather than holding up the others.
type hub struct {
	mu    sync.Mutex
	feeds map[chan event]bool
}

type event struct {
	name string
	data []byte
}

func newHub() *hub { return &hub{feeds: make(map[chan event]bool)} }

func (h *hub) join() (feed <-chan event, leave func()) {
	c := make(chan event, 64)
	h.mu.Lock()
	h.feeds[c] = true
	h.mu.Unlock()
	return c, func() {
		h.mu.Lock()
		delete(h.feeds, c)
		h.mu.Unlock()
	}
}

func (h *hub) tell(e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.feeds {
		select {
		case c <- e:
		default:
		}
	}
}

// Settled tells the listeners of /v1/events how a transaction ended. It has the
// form of control.Options.Settled.
func (s *Server) Settled(generation uint64, committed bool) {
	name := "refused"
	if committed {
		name = "committed"
	}
	data, err := json.Marshal(map[string]uint64{"generation": generation})
	if err != nil {
		return // a number always encodes
	}
	s.grants.Check()
	s.hub.tell(event{name, data})
}
