package fishplate

import (
	"runtime"
	"runtime/debug"
	"slices"
	"unsafe"
)

// The things to do that the host names.
const (
	onRecv     = 1
	onHash     = 2
	onSynth    = 3
	onFetch    = 4
	onResponse = 5
	onError    = 6
	onDeliver  = 7
	onHit      = 8
	onMiss     = 9
	onForge    = 32
	onFunction = 33 // and up to limit
	limit      = 64
)

// Program is what a program does. Functions that are nil are not asked, and cost
// nothing. Those of the client's side run in one copy of the program and see
// each other's variables: Receive, Hash, Hit, Miss, Synth and Deliver. Those of
// the server's side run in another.
type Program struct {
	// Receive decides about a request. Without it Respond, or else Stream,
	// answers all.
	Receive func(Request) Decision
	// Hash chooses the key of the cache, by calls of Hash.
	Hash func(Request)
	// Hit is told of the object that is about to answer. It may decide to Pass or
	// to Answer.
	Hit func(Request, Reply) Decision
	// Miss is told that there is none. It may decide to Pass, Answer or Respond.
	Miss func(Request) Decision
	// Fetch may change what a server is asked, or decide on "fail".
	Fetch func(Request) Decision
	// Respond makes an answer.
	Respond func(Request) Response
	// Stream makes one by pieces, while the request's body may still be coming.
	Stream func(Request, Body, *ResponseWriter) error
	// Response may change a server's answer before it is stored or sent.
	Response func(Request, Reply)
	// Error may change what the client gets when no server answered, or Answer.
	Error func(Request, Reply) Decision
	// Synth may do the same with an answer of ours.
	Synth func(Request, Reply) Decision
	// Deliver may change any other answer on its way.
	Deliver func(Request, Reply)
	// Functions are those that guest("name", value) calls in the configuration;
	// at most 31. They report false for null.
	Functions map[string]func(string) (string, bool)
	// HeapLimit is from how many bytes of heap on the collector runs: 0 is 32 MiB.
	// It should be well below the memory in the tenant's configuration.
	HeapLimit int64

	functions []func(string) (string, bool)
}

// Serve answers every request by respond. It does not return.
func Serve(respond func(Request) Response) { Program{Respond: respond}.Serve() }

// Serve tells the host that the program is ready and serves requests. It does
// not return. Each request begins with the program as it is now.
func (p Program) Serve() {
	if p.HeapLimit == 0 {
		p.HeapLimit = 32 << 20
	}
	p.register()
	// The host goes on with the thread that asked, so this goroutine stays on it.
	// What the collector would do in every copy it does once, here.
	runtime.LockOSThread()
	debug.SetMemoryLimit(p.HeapLimit)
	runtime.GC()
	debug.SetGCPercent(-1)
	runtime.GC()
	warm()
	answer := p.wanted()
	for {
		kind, a, b, c := ecall(SysNext, answer, 0, 0, 0, 0, 0, 0)
		answer = p.happen(kind, a, b, c)
	}
}

// wanted has a bit for each function that is there.
func (p *Program) wanted() uintptr {
	w := uintptr(1 << onRecv)
	for i, is := range [...]bool{
		onHash: p.Hash != nil, onSynth: p.Synth != nil, onFetch: p.Fetch != nil, onResponse: p.Response != nil,
		onError: p.Error != nil, onDeliver: p.Deliver != nil, onHit: p.Hit != nil, onMiss: p.Miss != nil,
	} {
		if is {
			w |= 1 << i
		}
	}
	return w
}

// register names the functions to the host, in the order of their names, so that
// equal programs are equal to the byte.
func (p *Program) register() {
	names := make([]string, 0, len(p.Functions))
	for name := range p.Functions {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if onFunction+i >= limit {
			Fail("more than 31 functions")
		}
		named(SysRegisterFunc, name, uintptr(onFunction+i))
		p.functions = append(p.functions, p.Functions[name])
	}
}

// happen does what the host names. The result is the address of a function's
// text; nothing else has one.
func (p *Program) happen(kind, a, b, c uintptr) uintptr {
	switch kind {
	case onRecv:
		d := p.first()
		if p.Receive != nil {
			d = p.Receive(Request{Message: Message(a), Argument: lentString(c)})
		}
		d.give()
	case onForge:
		p.forge(a, b, c)
	case onHash:
		p.Hash(Request{Message: req, Argument: lentString(c)})
	case onHit:
		p.Hit(Request{Message: Message(a), Argument: lentString(c)}, Reply{Message(b)}).give()
	case onMiss:
		p.Miss(Request{Message: Message(a), Argument: lentString(c)}).give()
	case onFetch:
		p.Fetch(Request{Message: Message(a), Argument: lentString(c)}).give()
	case onResponse:
		p.Response(Request{Message: Message(a), Argument: lentString(c)}, Reply{Message(b)})
	case onError:
		p.Error(Request{Message: Message(a), Argument: lentString(c)}, Reply{Message(b)}).give()
	case onSynth:
		p.Synth(Request{Message: Message(a), Argument: lentString(c)}, Reply{Message(b)}).give()
	case onDeliver:
		p.Deliver(Request{Message: Message(a), Argument: lentString(c)}, Reply{Message(b)})
	default:
		return p.call(int(kind)-onFunction, string(lent(a, b)))
	}
	return 0
}

// first is the decision without Receive.
func (p *Program) first() Decision {
	if p.Respond == nil && p.Stream != nil {
		return Stream(false)
	}
	return Respond(false)
}

// call is a named function.
func (p *Program) call(i int, value string) uintptr {
	if i < 0 || i >= len(p.functions) {
		return 0
	}
	s, ok := p.functions[i](value)
	if !ok {
		return 0
	}
	kept = append([]byte(s), 0)
	return uintptr(unsafe.Pointer(unsafe.SliceData(kept)))
}

// kept is what the last named function answered.
var kept []byte

// forge makes an answer. The registers of BACKEND_DECISION are the response;
// what was begun by pieces ends when the host is asked for more.
func (p *Program) forge(streamed, body, n uintptr) {
	r := Request{Message: bereq, Body: lent(body, n)}
	out := Response{Status: 500}
	switch {
	case streamed != 0 && p.Stream != nil:
		w := &ResponseWriter{Reply: Reply{beresp}}
		err := p.Stream(r, Body{}, w)
		switch {
		case w.begun && err != nil:
			Fail("stream: " + err.Error()) // the client learns by the connection that breaks
		case w.begun:
			return
		case err == nil:
			out.Status = 204
		}
	case p.Respond != nil:
		out = p.Respond(r)
	}
	for name, value := range out.Header {
		_ = beresp.Add(name, value)
	}
	Call(SysBackendDecision, uintptr(out.Status), uintptr(start(out.Type)), uintptr(len(out.Type)), uintptr(first(out.Body)), uintptr(len(out.Body)))
}

// warm does before the picture is taken what the runtime else does in every copy
// of it: a stack that need not grow, and a block of memory at hand for each size
// of small things.
func warm() {
	deepen()
	for n := 8; n <= 4096; n += 8 + n/1024*120 { // sizes are rounded up to 8 at least, above 1024 to 128
		sink = make([]byte, n)
		pointers = make([]*byte, n/8)
	}
	sink, pointers = nil, nil
}

// What is stored here is on the heap.
var (
	sink     []byte
	pointers []*byte
)

// deepen makes the stack 64 KiB.
//
//go:noinline
func deepen() byte {
	var b [40 << 10]byte
	b[len(sink)] = 1
	return b[len(b)-1-len(pointers)]
}
