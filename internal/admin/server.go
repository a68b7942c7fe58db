package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"fishplate/internal/admin/bounds"
	"fishplate/internal/admin/grant"
	"fishplate/internal/control"
	"fishplate/internal/metrics"
	"fishplate/internal/tenant"
)

// changeWait bounds how long a change waits for another, whose programs may be
// compiled for minutes.
const changeWait = 30 * time.Second

// Control is what the API asks of control.Controller.
type Control interface {
	Plan(ctx context.Context, path string) control.Plan
	Apply(ctx context.Context, path string, o control.ApplyOptions) control.Result
	Reload(ctx context.Context, o control.ApplyOptions) control.Result
	Rollback(ctx context.Context, id uint64, o control.ApplyOptions) control.Result
	Revise(ctx context.Context, revise func(text []byte) ([]byte, []control.Problem), o control.ApplyOptions) control.Result
	Confirm(ctx context.Context) (uint64, error)
	Compare(ctx context.Context, from, to string) control.Plan
	Text(id uint64) ([]byte, error)
	History() []control.Entry
}

// Options hand a Server what it answers with. Functions that are nil make
// their endpoints answer 501.
type Options struct {
	Version string
	Control Control
	Status  func() Status
	Explain func(ctx context.Context, r ExplainRequest) (any, error)
	// Purge answers with a PurgeResult; Cache with a CacheList, CacheShow or
	// CacheStat, as its What says. Errors that wrap ErrInvalid are the caller's.
	Purge func(ctx context.Context, r PurgeRequest) (any, error)
	Cache func(ctx context.Context, r CacheRequest) (any, error)
	// Log writes access log lines to write until there are no more, ctx ends
	// or write fails. Each line is without a newline and valid during the call.
	Log func(ctx context.Context, r LogRequest, write func(line []byte) error) error
	// Upgrade puts another process in the place of this one.
	Upgrade  func(ctx context.Context, author string, r UpgradeRequest) (UpgradeResult, error)
	Readings func() []metrics.Reading
	Words    func() []metrics.WordReading
	Logger   *slog.Logger
	// Tenants answers for the calls below /v1/tenants. OpenReads says whether
	// other hosts may read on the TCP address; nil is yes.
	Tenants   *tenant.Set
	Programs  Programs // what gives tenants programs; nil: nothing does
	OpenReads func() bool
	// Listen opens the TCP address; nil is the process alone, by net.Listen.
	Listen func(address string) (net.Listener, error)
	// Page is what a browser gets at / of the TCP address; nil is nothing.
	Page http.Handler
	// Budget is how many things of one kind /metrics names; the rest is summed
	// as "other". 0 means 1,000.
	Budget int
}

// ExplainRequest describes a request that is not sent.
type ExplainRequest struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"` // in order
	Client  string      `json:"client"`  // address; "" = 127.0.0.1
}

// LogRequest chooses access log lines.
type LogRequest struct {
	Follow bool
	Where  string // a predicate over the line; "" = all
	Format string // "json" or "text"
	Lines  int    // of the past first
}

// ErrInvalid is wrapped by errors that are the caller's: they become 400.
var ErrInvalid = errors.New("invalid request")

// Server answers the API.
type Server struct {
	o        Options
	scrape   http.Handler
	socket   http.Handler
	tcp      http.Handler
	hub      *hub
	doors    doors
	failures bounds.Failures // of bearers
	grants   grant.Open
	calls    bounds.InFlight // of bearers
	uploads  bounds.InFlight // of programs
	stop     context.CancelFunc
	stopped  context.Context // ends streams at Close
}

// New returns a Server that listens nowhere yet: see Prepare.
func New(o Options) *Server {
	if o.Budget == 0 {
		o.Budget = 1000
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, hub: newHub()}
	s.stopped, s.stop = context.WithCancel(context.Background())
	s.scrape = newScrape(o)
	s.socket = s.onlyOwner(s.mux(func(Endpoint) bool { return true }))
	open := s.mux(func(e Endpoint) bool { return e.TCP })
	if o.Page != nil {
		open.Handle("GET /{$}", o.Page)
	}
	reads := onlyOwnHost(s.onlyNear(open))
	tokens := http.NewServeMux()
	for _, e := range Endpoints() {
		if e.Token() {
			tokens.Handle(e.Method+" "+e.Path, s.onlyBearer(s.handler(e)))
		}
	}
	tcp := http.NewServeMux()
	tcp.Handle("/v1/tenants/", tokens) // a token is no cookie: no page of another site can send it
	tcp.Handle("/", reads)
	s.tcp = tcp
	return s
}

func (s *Server) mux(include func(Endpoint) bool) *http.ServeMux {
	mux := http.NewServeMux()
	for _, e := range Endpoints() {
		if include(e) {
			mux.HandleFunc(e.Method+" "+e.Path, s.handler(e))
		}
	}
	return mux
}

func (s *Server) handler(e Endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		err := e.handle(s, w, r)
		if err == nil {
			return
		}
		if gone := grant.Of(r.Context()).Holds(); gone != nil {
			err = gone // whatever came of that
		}
		status := http.StatusInternalServerError
		large, tooLarge := errors.AsType[*http.MaxBytesError](err)
		switch {
		case tooLarge:
			err = fmt.Errorf("%w: a question has %d bytes at most", err, large.Limit)
			fallthrough
		case errors.Is(err, tenant.ErrSize):
			status = http.StatusRequestEntityTooLarge
		case errors.Is(err, ErrInvalid):
			status = http.StatusBadRequest
		case errors.Is(err, errors.ErrUnsupported):
			status = http.StatusNotImplemented
		case errors.Is(err, tenant.ErrNoTenant), errors.Is(err, tenant.ErrNoVersion), errors.Is(err, tenant.ErrNoRecord):
			status = http.StatusNotFound
		case errors.Is(err, errMatch):
			status = http.StatusPreconditionFailed
		case errors.Is(err, tenant.ErrBusy), errors.Is(err, errBusy), errors.Is(err, control.ErrBusy), errors.Is(err, control.ErrSettled):
			status = http.StatusConflict
		case errors.Is(err, tenant.ErrRate):
			status = http.StatusTooManyRequests
		case errors.Is(err, tenant.ErrSignature), errors.Is(err, grant.ErrToken):
			status = http.StatusForbidden
		case errors.Is(err, errProgram):
			status = http.StatusUnprocessableEntity
		}
		bounds.Early(w, r, func() { refuse(w, status, err) })
	}
}

// refuse answers with an error object. It is a no-op on the wire when the
// answer has begun.
func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the caller may have left: nobody to tell
	return nil
}

// maxBody bounds a request body of the API.
const maxBody = 1 << 20

func question(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: body: %w", ErrInvalid, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: body: something follows the question", ErrInvalid)
	}
	return nil
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) error {
	_, _ = io.WriteString(w, "ok\n")
	return nil
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) error {
	s.scrape.ServeHTTP(w, r)
	return nil
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) error {
	if s.o.Status == nil {
		return errors.ErrUnsupported
	}
	return answer(w, http.StatusOK, s.o.Status())
}

func (s *Server) counters(w http.ResponseWriter, _ *http.Request) error {
	if s.o.Readings == nil {
		return errors.ErrUnsupported
	}
	return answer(w, http.StatusOK, flatten(s.o.Readings()))
}

func (s *Server) history(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, http.StatusOK, s.o.Control.History())
}

func (s *Server) plan(w http.ResponseWriter, r *http.Request) error {
	var c ChangeRequest
	if err := question(r, &c); err != nil {
		return err
	}
	return answer(w, http.StatusOK, s.o.Control.Plan(r.Context(), c.Path))
}

func (s *Server) explain(w http.ResponseWriter, r *http.Request) error {
	if s.o.Explain == nil {
		return errors.ErrUnsupported
	}
	var q ExplainRequest
	if err := question(r, &q); err != nil {
		return err
	}
	explanation, err := s.o.Explain(r.Context(), q)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, explanation)
}

func (s *Server) log(w http.ResponseWriter, r *http.Request) error {
	if s.o.Log == nil {
		return errors.ErrUnsupported
	}
	q := r.URL.Query()
	lines, err := strconv.Atoi(q.Get("lines"))
	if err != nil || lines < 0 {
		lines = 0
	}
	want := LogRequest{Follow: q.Get("follow") == "1", Where: q.Get("where"), Format: q.Get("format"), Lines: lines}
	stream := newStream(w)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.stopped, cancel)()
	err = s.o.Log(ctx, want, func(line []byte) error { return stream.send("", line) })
	if stream.begun || err == nil {
		return stream.finish(err)
	}
	return err
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	feed, leave := s.hub.join()
	defer leave()
	stream := newStream(w)
	if err := stream.begin(); err != nil {
		return err
	}
	for {
		select {
		case e := <-feed:
			if err := stream.send(e.name, e.data); err != nil {
				return nil // the caller has left
			}
		case <-r.Context().Done():
			return nil
		case <-s.stopped.Done():
			return nil
		}
	}
}
