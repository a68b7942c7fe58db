package proxy

import (
	"time"

	"fishplate/internal/cache"
	"fishplate/internal/http1"
	"fishplate/internal/invariant"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/netio"
	"fishplate/internal/predicate"
	"fishplate/internal/router"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

// A step is a station of an exchange. Its number is its place in the table, in
// the counters of metrics.Process and in Record.Steps.
type step uint8

// The twelve steps, and the end.
const (
	accept step = iota
	sniff
	read
	route
	admit
	guest
	lookup
	fetch
	store
	respond
	reply
	record
	finished
)

// steps is how many there are.
const steps = int(finished)

// names are the words of metrics.Steps, which code, counters, the access log
// and explain share.
var names = [steps]string{
	"accept", "sniff", "read", "route", "admit", "guest",
	"lookup", "fetch", "store", "respond", "reply", "record",
}

// String returns the step's word.
func (s step) String() string { return names[s] }

// table is the life of an exchange. A step returns the next one, always a later
// one; an answer jumps to respond or reply. Only what can wait or compute long
// is timed, by clock: the rest takes less than reading the clock does, and is
// counted in the next step that is.
var table = [steps]func(*exchange) step{
	accept:  stepAccept,  // connection limits, PROXY protocol
	sniff:   stepSniff,   // TLS handshake, or a tunnel by SNI
	read:    stepRead,    // one request head; pins the generation
	route:   stepRoute,   // virtual host and route, or 404
	admit:   stepAdmit,   // limits, ACL, rate, edits; may answer
	guest:   stepGuest,   // the tenant's on_recv; may answer
	lookup:  stepLookup,  // a hit, or who fetches
	fetch:   stepFetch,   // a server, or the guest's forge
	store:   stepStore,   // what becomes of the origin's answer
	respond: stepRespond, // on_deliver, response edits, persistence
	reply:   stepReply,   // head and body to the client; faults become statuses
	record:  stepRecord,  // counters, access log
}

// source says where the answer of an exchange comes from.
type source uint8

const (
	fromNobody source = iota // a fault, or no answer at all
	fromOrigin               // the leased connection
	fromSelf                 // x.answer
	fromStore                // the object of x.visit
	fromStream               // the program sent it while it was asked
)

// outcome says what becomes of the session after an exchange.
type outcome uint8

const (
	ends    outcome = iota // close the connection
	goesOn                 // read the next request
	parks                  // nothing has come for a while
	lingers                // close, but let the client read the answer first
)

// An exchange is one request and its answer. It is pooled with everything it
// needs; a session keeps one while its goroutine lives.
type exchange struct {
	srv *Server
	s   *session

	gen   *Generation // pinned; nil once the response head is decided
	plan  *RoutePlan  // valid as long as gen is
	match *router.Route
	req   message.Request
	resp  message.Response
	env   predicate.Env

	reader    http1.Reader // the client's side of the codec
	body      *http1.Body  // of the request
	upload    upload
	collected []byte // the body, when it was read to know the key
	meter     int64  // limit of the request body, 0 = none

	visit  cache.Visit     // what the cache is to this exchange
	sender sender          // of a stored body to the client
	donor  *donor          // for the slices of a range; nil when there are none
	saved  []message.Field // the request's fields while the origin's are made

	run       *tenant.Run
	notes     tenant.Notes   // what the program wrote for the log
	errand    *tenant.Errand // what run is admitted by when it is needed; nil: by no errand
	decision  tenant.Decision
	ruled     bool           // the program decided
	trouble   *message.Fault // of a function that an expression called
	asked     asked          // the request as the program wants the backend to see it
	outflow   outflow
	allies    map[string]*upstream.Backend // of the tenant, once the generation is let go
	debug     bool                         // a valid debug field asks for the record
	explained *Explanation

	backend *upstream.Backend
	pick    upstream.Pick
	family  family      // for pages that include others
	left    func() bool // reports whether the client is gone; made once
	lease   upstream.Lease
	leased  bool
	told    bool             // the client was told to go on (100)
	up      *upstream.UpConn // the lease's connection
	origin  *http1.Reader    // its side of the codec; a filler may take it along

	routeCounters, vhostCounters *metrics.Set // nil without a route
	side                         *metrics.Set // of a Canary; nil: there is none

	source source
	answer []byte // body of fromSelf
	fault  *message.Fault
	after  outcome
	// endless: the end of the connection is that of the answer. Where it comes too
	// early, only a reset tells the client so.
	endless bool

	head, out *[]byte // what is sent to the origin, and to the client
	scratch   []byte
	sentAt    int64 // instant at which the request was sent

	rec   Record
	begin int64 // instant of the request's first byte
	mark  int64 // instant of the last clock read
}

// lead takes the exchange through the table from a step on.
func (x *exchange) lead(from step) {
	for at := from; at < finished; {
		x.srv.process.Add(x.s.shard, metrics.ProcessSteps+int(at), 1)
		next := table[at](x)
		invariant.Check(next > at, "step %s led back to %d", at, next)
		at = next
	}
}

// clock charges the time since the last reading to a step.
func (x *exchange) clock(at step) {
	now := x.srv.wheel.exact()
	x.rec.Steps[at] += time.Duration(now - x.mark)
	x.mark = now
}

// fail ends the exchange's forward part with a fault; reply turns it into a
// status.
func (x *exchange) fail(at step, f *message.Fault) step {
	if f.Step == "" {
		f.Step = at.String()
	}
	x.fault, x.source = f, fromNobody
	x.rec.Last = at.String()
	x.clock(at)
	return reply
}

// refuse is fail with a fault that is the client's doing.
func (x *exchange) refuse(at step, status int, cause string) step {
	return x.fail(at, &message.Fault{Side: message.SideClient, Status: status, Cause: cause})
}

// unpin lets go of the generation and of everything that belongs to it.
func (x *exchange) unpin() {
	if x.gen == nil {
		return
	}
	x.gen.unpin(x.s.shard)
	x.gen, x.plan, x.match = nil, nil, nil
	x.env = predicate.Env{Scratch: x.env.Scratch}
}

// reset makes the exchange ready for the session's next request.
func (x *exchange) reset() {
	x.source, x.answer, x.fault, x.after, x.endless = fromNobody, nil, nil, ends, false
	x.run, x.decision, x.debug, x.explained = nil, tenant.Decision{}, false, nil
	x.errand, x.ruled, x.trouble, x.asked.live = nil, false, nil, false
	x.backend, x.lease, x.leased, x.up, x.body = nil, upstream.Lease{}, false, nil, nil
	x.routeCounters, x.vhostCounters, x.side, x.told = nil, nil, nil, false
	x.upload.ended, x.collected = false, nil
	x.family, x.donor = family{}, nil
	x.outflow, x.allies = outflow{}, nil
	x.notes.Reset()
	x.meter, x.begin, x.sentAt = 0, 0, 0
	x.rec = Record{}
}

// buffers takes the pooled buffers that the request needs; release gives them
// back.
func (x *exchange) buffer(b **[]byte) []byte {
	if *b == nil {
		*b = netio.GetBuffer()
	}
	return (*(*b))[:0]
}

func (x *exchange) release() {
	for _, b := range []**[]byte{&x.head, &x.out} {
		if *b != nil {
			netio.PutBuffer(*b)
			*b = nil
		}
	}
}
