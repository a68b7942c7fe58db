package fishplate

// Decision says what becomes of a request.
type Decision struct {
	word     string
	status   int
	response *Response
	forge    int // the call that decides on one of the program's own answers
	cached   bool
}

// Continue lets the request go on, to cache and server.
func Continue() Decision { return Decision{} }

// Pass lets it go on to the server and keeps the answer out of the cache.
func Pass() Decision { return Decision{word: "pass"} }

// Lookup lets it go on to the cache.
func Lookup() Decision { return Decision{word: "lookup"} }

// Decide decides by one of the host's words, like "synth" with a status, "fail"
// or "purge".
func Decide(word string, status int) Decision { return Decision{word: word, status: status} }

// Answer answers it at once.
func Answer(r Response) Decision { return Decision{response: &r} }

// Respond has Program.Respond make the answer, with the request's body, in a
// copy of the program of its own. A cached answer may become an object of the
// tenant's cache.
func Respond(cached bool) Decision { return Decision{forge: SysBackendDecision, cached: cached} }

// Stream has Program.Stream make the answer.
func Stream(cached bool) Decision { return Decision{forge: SysForgeStream, cached: cached} }

// give tells the host. It returns when there is more to do for the request.
func (d Decision) give() {
	switch {
	case d.response != nil:
		r := d.response
		Call(SysSynth, uintptr(r.Status), uintptr(start(r.Type)), uintptr(len(r.Type)), uintptr(first(r.Body)), uintptr(len(r.Body)))
	case d.forge != 0:
		Call(d.forge, flag(d.cached), onForge, flag(d.forge == SysForgeStream))
	case d.word != "":
		Call(SysSetDecision, uintptr(start(d.word)), uintptr(len(d.word)), uintptr(d.status))
	}
}
