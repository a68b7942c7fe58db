package fishplate

import (
	"runtime"
	"runtime/debug"
)

// The things to do that the host names.
const (
	onRecv    = 1
	onSynth   = 3
	onDeliver = 7
	onForge   = 32
)

// Decision says what becomes of a request.
type Decision struct {
	word     string
	status   int
	response *Response
	forge    bool
	cached   bool
}

// Continue lets the request go on, to cache and server.
func Continue() Decision { return Decision{} }

// Pass lets it go on to the server and keeps the answer out of the cache.
func Pass() Decision { return Decision{word: "pass"} }

// Lookup lets it go on to the cache.
func Lookup() Decision { return Decision{word: "lookup"} }

// Answer answers it at once.
func Answer(r Response) Decision { return Decision{response: &r} }

// Respond has Program.Respond make the answer, with the request's body, in a
// copy of the program of its own. A cached answer may become an object of the
// tenant's cache.
func Respond(cached bool) Decision { return Decision{forge: true, cached: cached} }

// Program is what a program does. Functions that are nil are not asked.
type Program struct {
	// Receive decides about a request. Without it Respond answers all.
	Receive func(Request) Decision
	// Respond makes an answer.
	Respond func(Request) Response
	// Deliver may change an answer on its way.
	Deliver func(Request, Reply)
	// HeapLimit is from how many bytes of heap on the collector runs: 0 is 32 MiB.
	// It should be well below the memory in the tenant's configuration.
	HeapLimit int64
}

// Serve answers every request by respond. It does not return.
func Serve(respond func(Request) Response) { Program{Respond: respond}.Serve() }

// Serve tells the host that the program is ready and serves requests. It does
// not return. Each request begins with the program as it is now.
func (p Program) Serve() {
	if p.HeapLimit == 0 {
		p.HeapLimit = 32 << 20
	}
	wanted := uintptr(1 << onRecv)
	if p.Deliver != nil {
		wanted |= 1 << onDeliver
	}
	// The host goes on with the thread that asked, so this goroutine stays on it.
	// What the collector would do in every copy it does once, here.
	runtime.LockOSThread()
	runtime.GC()
	debug.SetMemoryLimit(p.HeapLimit)
	debug.SetGCPercent(-1)
	runtime.GC()
	for {
		kind, a, b, c := ecall(sysNext, wanted, 0, 0, 0, 0, 0, 0)
		switch kind {
		case onRecv:
			r := Request{Message: Message(a), Argument: lentString(c, 4096)}
			d := Respond(false)
			if p.Receive != nil {
				d = p.Receive(r)
			}
			d.give()
		case onForge:
			p.respond(Request{Message: bereq, Body: lent(b, c)})
		case onDeliver:
			p.Deliver(Request{Message: Message(a)}, Reply{Message(b)})
		}
	}
}

// give tells the host. It returns when there is more to do for the request.
func (d Decision) give() {
	var pin Pin
	defer pin.Unpin()
	switch {
	case d.response != nil:
		kind, kindLen := pin.String(d.response.Type)
		body, bodyLen := pin.Bytes(d.response.Body)
		Call(sysSynth, uintptr(d.response.Status), kind, kindLen, body, bodyLen)
	case d.forge:
		cached := uintptr(0)
		if d.cached {
			cached = 1
		}
		Call(sysBackendDecision, cached, onForge, 0, 0)
	case d.word != "":
		word, n := pin.String(d.word)
		Call(sysDecision, word, n, 0, 0)
	}
}

// respond answers a forge: the registers of the call are the response.
func (p Program) respond(r Request) {
	out := Response{Status: 500}
	if p.Respond != nil {
		out = p.Respond(r)
	}
	for name, value := range out.Header {
		beresp.Add(name, value)
	}
	var pin Pin
	defer pin.Unpin()
	kind, kindLen := pin.String(out.Type)
	body, bodyLen := pin.Bytes(out.Body)
	Call(sysBackendDecision, uintptr(out.Status), kind, kindLen, body, bodyLen)
}

// Log writes a line to the tenant's log.
func Log(line string) { text(sysLog, line) }

// Hash adds to the key under which the cache knows the answer, in place of the
// URL; in Receive.
func Hash(s string) { text(sysHashData, s) }

// KVGet returns the value of a key in the tenant's storage.
func KVGet(key string) ([]byte, bool) {
	var p Pin
	defer p.Unpin()
	k, n := p.String(key)
	s, ok := take(func(dst, size uintptr) int { return Call(sysKVGet, k, n, dst, size) })
	return []byte(s), ok
}

// KVSet stores a value, for so many milliseconds, 0 for good. It reports false
// when the tenant's storage has no room for it.
func KVSet(key string, value []byte, ttl int) bool {
	var p Pin
	defer p.Unpin()
	k, n := p.String(key)
	v, m := p.Bytes(value)
	return Call(sysKVSet, k, n, v, m, uintptr(ttl)) > 0
}
