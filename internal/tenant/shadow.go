package tenant

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// Bounds of what a shadow keeps and has waiting.
const (
	shadowQueue = 64      // requests
	shadowKept  = 100     // differences
	shadowBody  = 1 << 20 // bytes of a request's body, beyond which a forge is not repeated
	shadowText  = 512     // bytes of either side of a difference
)

// Difference is one thing that a candidate did otherwise.
type Difference struct {
	Time      time.Time `json:"time"`
	Request   string    `json:"request,omitempty"` // its id
	Target    string    `json:"target"`            // method and target, as they came
	What      string    `json:"what"`              // "decision", "request", "status", "fields", "body", "delivered", "fault"
	Real      string    `json:"real"`
	Candidate string    `json:"candidate"`
}

// ShadowReport is what is known of a candidate.
type ShadowReport struct {
	Program     string           `json:"program"`
	Hash        string           `json:"hash,omitempty"`
	Error       string           `json:"error,omitempty"` // why it does not run
	Share       float64          `json:"share"`
	Requests    int64            `json:"requests"`  // that were repeated
	Dropped     int64            `json:"dropped"`   // for want of room in the queue
	Skipped     int64            `json:"skipped"`   // bodies too large, or by pieces
	Differing   int64            `json:"differing"` // requests with a difference
	Counts      map[string]int64 `json:"counts"`    // differences, by what differed
	Differences []Difference     `json:"differences"`
	Status      Status           `json:"status"` // of the candidate as a tenant
	Lines       []Line           `json:"lines"`  // that it wrote
}

// shadow runs a candidate for a share of a tenant's requests, each after its
// Run has ended, on one goroutine that lives while there are any. The candidate
// has images, counters, lines and storage of its own and no effects.
type shadow struct {
	model  *model.Shadow
	tenant *Tenant // the candidate, which no Set knows
	asked  atomic.Uint64
	queue  chan *sample
	busy   atomic.Bool
	gone   atomic.Bool
	real   *stats         // of the tenant
	works  sync.WaitGroup // counts drain; grows with mu held, and not once gone

	mu     sync.Mutex
	report ShadowReport
}

// newShadow starts a tenant's candidate. It never fails: what is wrong with the
// candidate is in its report.
func (s *Set) newShadow(ctx context.Context, t *model.Tenant) *shadow {
	if t.Shadow == nil || t.Shadow.Share <= 0 {
		return nil
	}
	sh := emptyShadow(t.Shadow)
	elf, err := s.o.ReadFile(ctx, t.Shadow.Program)
	var signature []byte
	if err == nil && t.Key != "" {
		signature, err = s.signatureOf(ctx, t, t.Shadow.Program)
	}
	if err == nil {
		err = s.fill(ctx, sh, t, elf, signature)
	}
	if err != nil {
		sh.report.Error = fmt.Sprintf("load candidate of guest %q: %v", t.Name, err)
	}
	return sh
}

// emptyShadow is one whose program has not been started.
func emptyShadow(m *model.Shadow) *shadow {
	return &shadow{
		model: m, queue: make(chan *sample, shadowQueue),
		report: ShadowReport{Program: m.Program, Share: m.Share, Counts: map[string]int64{}},
	}
}

// fill starts the program of a candidate. It sees requests and storage as the
// program itself does, so that a tenant's key is asked about it too.
func (s *Set) fill(ctx context.Context, sh *shadow, t *model.Tenant, elf, signature []byte) error {
	if err := verify(t, elf, signature); err != nil {
		return err
	}
	im, err := s.candidate(ctx, t, sh.model, elf)
	if err != nil {
		return err
	}
	sh.report.Hash = im.code.short()
	sh.tenant, sh.real = newTenant(im.tenant, im, im.stats), s.statsOf(t.Name)
	return nil
}

func (s *Set) candidate(ctx context.Context, t *model.Tenant, m *model.Shadow, elf []byte) (*image, error) {
	c, err := s.codes.load(elf)
	if err != nil {
		return nil, err
	}
	alone := *t
	alone.Program, alone.Shadow, alone.OnFault, alone.Share, alone.Concurrency = m.Program, nil, "fail", 1, 1
	// Its lines are in its own ring and reach no log.
	im, err := newImage(ctx, &alone, c, s, newStats(t.Name, slog.New(slog.DiscardHandler)), s.storeOf(t), false)
	if err != nil {
		return nil, err
	}
	im.shadow = true
	return im, nil
}

// picks says whether the next request is one of the share.
func (s *shadow) picks() bool {
	if s.tenant == nil {
		return false
	}
	n := float64(s.asked.Add(1))
	return int64(n*s.model.Share) != int64((n-1)*s.model.Share)
}

// retire ends the candidate once what runs has ended.
func (s *shadow) retire() {
	if s != nil && s.tenant != nil {
		s.mu.Lock()
		s.gone.Store(true)
		s.mu.Unlock()
		s.tenant.retire()
	}
}

// wait returns when nothing of a retired candidate runs any more, which its
// limits bound.
func (s *shadow) wait() {
	if s != nil {
		s.works.Wait()
	}
}

// Shadow reports on a tenant's candidate; false when it has none.
func (s *Set) Shadow(name string) (ShadowReport, bool) {
	t := s.Tenant(name)
	if t == nil {
		return ShadowReport{}, false
	}
	sh := t.shadow.Load()
	if sh == nil {
		return ShadowReport{}, false
	}
	sh.mu.Lock()
	r := sh.report
	r.Differences = append([]Difference(nil), r.Differences...)
	r.Counts = make(map[string]int64, len(sh.report.Counts))
	for k, n := range sh.report.Counts {
		r.Counts[k] = n
	}
	sh.mu.Unlock()
	if sh.tenant != nil {
		r.Status, r.Lines = sh.tenant.Status(), sh.tenant.Logs()
	}
	return r, true
}

// offer queues what a Run left to be repeated, or drops it.
func (s *shadow) offer(x *sample) {
	if s.gone.Load() {
		return
	}
	select {
	case s.queue <- x:
	default:
		s.mu.Lock()
		s.report.Dropped++
		s.mu.Unlock()
		s.real.add(metrics.TenantShadow+2, 1)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.gone.Load() && s.busy.CompareAndSwap(false, true) {
		s.works.Go(s.drain)
	}
}

// drain repeats what waits. A request that is offered while it ends is seen by
// the second look.
func (s *shadow) drain() {
	for {
		select {
		case x := <-s.queue:
			if !s.gone.Load() {
				s.repeat(x)
			}
			continue
		default:
		}
		s.busy.Store(false)
		if len(s.queue) == 0 || !s.busy.CompareAndSwap(false, true) {
			return
		}
	}
}

// repeat runs the candidate for one request and compares.
func (s *shadow) repeat(x *sample) {
	ctx := context.Background()
	r, f := s.tenant.Admit(ctx)
	if f != nil {
		return // it was retired
	}
	defer r.Release()
	var found []Difference
	differ := func(what, real, candidate string) {
		if real != candidate {
			found = append(found, Difference{Time: time.Now(), Request: x.id, Target: x.target, What: what, Real: excerpt(real), Candidate: excerpt(candidate)})
		}
	}
	before := &x.before
	d, f := r.OnRecv(ctx, before, x.arg)
	differ("decision", x.decision, decided(d, f))
	differ("request", x.after, requestText(before))
	if f == nil && x.made && len(found) == 0 {
		s.remake(ctx, r, x, d, before, differ)
	}
	if f == nil && x.delivers {
		f = r.OnDeliver(ctx, before, &x.response)
		differ("delivered", x.delivered, responseText(&x.response)+faulted(f))
	}
	s.note(found)
}

// remake lets the candidate make the answer that the program made.
func (s *shadow) remake(ctx context.Context, r *Run, x *sample, d Decision, req *message.Request, differ func(what, real, candidate string)) {
	var resp message.Response
	var body []byte
	var f *message.Fault
	switch {
	case d.Kind == Answer:
		body, f = r.Answer(ctx, d, req, &resp)
	case d.Kind == Forge && !d.Stream:
		body, f = r.Forge(ctx, req, x.body, &resp)
	default:
		return
	}
	differ("fault", x.fault, faulted(f))
	if f == nil && x.fault == "" {
		differ("status", fmt.Sprint(x.status), fmt.Sprint(resp.Status))
		differ("fields", x.fields, responseText(&resp))
		differ("body", x.answer, string(body))
	}
}

func (s *shadow) note(found []Difference) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Requests++
	s.real.add(metrics.TenantShadow, 1)
	if len(found) > 0 {
		s.real.add(metrics.TenantShadow+1, 1)
		s.report.Differing++
	}
	for _, d := range found {
		s.report.Counts[d.What]++
		if len(s.report.Differences) == shadowKept {
			s.report.Differences = append(s.report.Differences[:0], s.report.Differences[1:]...)
		}
		s.report.Differences = append(s.report.Differences, d)
	}
}

func (s *shadow) skip() {
	s.real.add(metrics.TenantShadow+3, 1)
	s.mu.Lock()
	s.report.Skipped++
	s.mu.Unlock()
}

// excerpt bounds one side of a difference.
func excerpt(s string) string {
	if len(s) > shadowText {
		return s[:shadowText] + "…"
	}
	return s
}

// decided is what on_recv decided, as text.
func decided(d Decision, f *message.Fault) string {
	if f == nil {
		f = d.Failed
	}
	return fmt.Sprintf("%s %q status=%d backend=%q cached=%t key=%x%s", d.Kind, d.Word, d.Status, d.Backend, d.Cached, d.Key, faulted(f))
}

func faulted(f *message.Fault) string {
	if f == nil {
		return ""
	}
	return " fault=" + f.Cause
}

func requestText(r *message.Request) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s?%s\n", r.Method, r.Path, r.Query)
	fieldsText(&b, &r.Header)
	return b.String()
}

func responseText(r *message.Response) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d\n", r.Status)
	fieldsText(&b, &r.Header)
	return b.String()
}

func fieldsText(b *bytes.Buffer, h *message.Header) {
	for i := range h.Len() {
		fmt.Fprintf(b, "%s: %s\n", h.Name(i), h.Value(i))
	}
}
