package proxy

import (
	"bytes"
	"io"

	"fishplate/internal/cache"
	"fishplate/internal/message"
	"fishplate/internal/model"
)

// compose sends a page with its includes resolved: text as it comes, and each
// include in its place, while those that follow are fetched ahead.
func (x *exchange) compose() *message.Fault {
	if x.source == fromStore {
		x.settleBody()
	} else if x.uploadWaits() {
		x.req.Close = true
	}
	coding := cache.CodingOf(&x.resp.Header)
	if coding != cache.Plain {
		x.resp.RemoveID(message.ContentEncoding)
	}
	from, done, err := x.pageOf(coding)
	if err != nil {
		return &message.Fault{Side: message.SideSelf, Status: 502, Cause: "esi-coding", Err: err}
	}
	defer done()
	reusable := x.resp.Framing != message.UntilEnd
	x.resp.Framing, x.resp.Length = message.Chunked, 0
	sent := cache.Plain
	if x.s.sink == nil {
		sent = x.visit.CodePage(&x.resp)
	}
	framing, length := x.framing()
	out := x.appendHead(x.buffer(&x.out), framing, length)
	x.rec.Status = x.resp.Status
	if x.bodyless() {
		if err := x.flush(out); err != nil {
			return clientGone(err)
		}
		return x.endPage(reusable)
	}
	c := composer{x: x, limits: x.visit.ESI(), ask: x.askFor, page: from, out: sender{x: x, out: out, chunked: framing == message.Chunked}}
	c.parser.Reset(cache.ESIOptions{})
	if sent != cache.Plain {
		if c.coder, err = x.visit.Codecs().Writer(sent, &c.out); err != nil {
			return &message.Fault{Side: message.SideSelf, Status: 500, Cause: "esi-coding", Err: err}
		}
	}
	f := c.run()
	c.giveUp()
	if f != nil {
		x.req.Close = true
		switch {
		case c.out.begun:
			f.Status = 0
		case f.Status == 0: // the head waits for the first piece: another may take its place
			f.Status = 502
		}
		return f
	}
	return x.endPage(reusable)
}

// endPage gives the origin's connection back when the page came from there.
func (x *exchange) endPage(reusable bool) *message.Fault {
	if x.source != fromOrigin {
		return nil
	}
	return x.settleOrigin(reusable)
}

// A composer puts one page together. It holds a bounded part of it: what lies
// between the include that is being sent and the last that is fetched ahead.
type composer struct {
	x      *exchange
	limits *model.CacheESI
	page   page
	rest   []byte // of the page's piece, for the parser
	out    sender
	coder  *cache.Encoder // before out; nil: the page goes out plain
	fresh  bool           // coder was given bytes since it was flushed
	parser cache.ESIParser
	fed    bool // the parser may have more events
	ended  bool // it was told of the page's end
	ask    func(src []byte) *fragment
	queue  []part
	held   int     // bytes in queue
	ahead  int     // includes in queue that are being fetched
	except int     // depth of except at the queue's end: nothing is fetched ahead there
	tries  []trial // that are open where the queue begins
	fault  *message.Fault
}

// A part of a page waits in the queue for its turn.
type part struct {
	kind     cache.ESIKind
	text     []byte
	src, alt []byte
	goOn     bool // onerror="continue"
	asked    bool // fetch is all that there will be
	fetch    *fragment
}

func (p *part) size() int { return len(p.text) + len(p.src) + len(p.alt) }

// Bounds of what a composer holds. A page in the store comes in pieces of
// megabytes, so that they hold within a piece, too: the parser is fed a little at
// a time, and not asked for more while the queue is full.
const (
	includesAhead = 4 // behind the one that is being sent
	textAhead     = 64 << 10
	partsAhead    = 256
	feedMost      = 16 << 10
	attemptMost   = 1 << 20 // bytes of an attempt
)

func (c *composer) run() *message.Fault {
	for {
		if f := c.read(); f != nil {
			return f
		}
		if len(c.queue) == 0 {
			return c.end()
		}
		p := c.pop()
		c.play(&p)
	}
}

func (c *composer) pop() part {
	p := c.queue[0]
	c.queue[0] = part{}
	c.queue = c.queue[1:]
	c.held -= p.size()
	if p.fetch != nil {
		c.ahead--
	}
	return p
}

// read queues what follows, as far as there is room and the page need not be
// waited for while there is something to do. With an empty queue it has met the
// end.
func (c *composer) read() *message.Fault {
	var e cache.ESIEvent
	for c.fault == nil && c.room() {
		switch {
		case c.fed:
			if c.fed = c.parser.Next(&e); c.fed {
				c.take(&e)
			}
		case len(c.rest) > 0:
			n := min(len(c.rest), feedMost)
			c.parser.Feed(c.rest[:n])
			c.rest, c.fed = c.rest[n:], true
		case c.ended:
			return nil
		case !c.page.ready() && len(c.queue) > 0:
			return nil
		default:
			if f := c.next(); f != nil {
				return f
			}
		}
	}
	return c.fault
}

// room reports whether the queue may grow.
func (c *composer) room() bool {
	return len(c.queue) == 0 || len(c.queue) < partsAhead && c.held < textAhead && c.ahead <= includesAhead
}

// next takes the page's next piece. Before the page makes us wait, what is
// gathered is sent.
func (c *composer) next() *message.Fault {
	if !c.page.ready() {
		if c.flush(); c.fault != nil {
			return c.fault
		}
	}
	piece, err := c.page.next()
	switch {
	case err == io.EOF:
		c.parser.Finish()
		c.ended, c.fed = true, true
	case err != nil:
		return faultOf(err)
	}
	c.rest = piece
	return nil
}

func (c *composer) flush() {
	if c.fault != nil {
		return
	}
	if c.fresh {
		c.fresh = false
		if err := c.coder.Flush(); err != nil {
			c.fault = clientGone(err)
			return
		}
	}
	if len(c.out.out) == 0 {
		return
	}
	if err := c.out.flush(nil); err != nil {
		c.fault = clientGone(err)
	}
}

// end sends what ends the page.
func (c *composer) end() *message.Fault {
	if c.coder != nil {
		err := c.coder.Close()
		c.coder = nil
		if err != nil {
			return clientGone(err)
		}
	}
	if c.out.chunked {
		c.out.out = append(c.out.out, "0\r\n\r\n"...)
	}
	if err := c.x.flush(c.out.out); err != nil {
		return clientGone(err)
	}
	return nil
}

// take gives an event its place when nothing is before it, and queues it
// otherwise. An include is queued in any case, and fetched from now on, unless it
// is not wanted, or only wanted when an attempt fails.
func (c *composer) take(e *cache.ESIEvent) {
	switch e.Kind {
	case cache.ESIExcept:
		c.except++
	case cache.ESIExceptEnd:
		c.except--
	}
	if len(c.queue) == 0 {
		switch {
		case e.Kind == cache.ESIText:
			c.put(e.Text)
			return
		case e.Kind != cache.ESIInclude:
			c.bracket(e.Kind)
			return
		case c.skipping():
			return
		}
	}
	p := part{kind: e.Kind, text: bytes.Clone(e.Text), src: bytes.Clone(e.Src), alt: bytes.Clone(e.Alt), goOn: e.Continue}
	if e.Kind == cache.ESIInclude && c.except == 0 {
		p.asked, p.fetch = true, c.ask(p.src)
	}
	if p.fetch != nil {
		c.ahead++
	}
	c.held += p.size()
	c.queue = append(c.queue, p)
}

// askFor begins to fetch a reference; nil when that may not be.
func (x *exchange) askFor(src []byte) *fragment {
	f, cause := x.include(src)
	if f == nil {
		x.srv.causes.Add(cause)
	}
	return f
}

// play gives a part its place.
func (c *composer) play(p *part) {
	switch p.kind {
	case cache.ESIText:
		c.put(p.text)
	case cache.ESIInclude:
		c.include(p)
	default:
		c.bracket(p.kind)
	}
}

// put sends bytes, keeps them for the attempt that they belong to, or drops
// those of an except that is not needed.
func (c *composer) put(b []byte) {
	for i := len(c.tries) - 1; i >= 0; i-- {
		t := &c.tries[i]
		if t.skips() {
			return
		}
		if t.at == cache.ESIAttempt {
			t.keep(b)
			return
		}
	}
	if c.fault != nil {
		return
	}
	var err error
	if c.coder != nil {
		_, err = c.coder.Write(b)
		c.fresh = true
	} else {
		err = c.out.write(b)
	}
	if err != nil {
		c.fault = clientGone(err)
	}
}

// include puts an include in its place: src, or else alt, or else what the page
// and the operator say about errors.
func (c *composer) include(p *part) {
	if c.fault != nil || c.skipping() {
		if p.fetch != nil {
			p.fetch.giveUp()
		}
		return
	}
	f := p.fetch
	if !p.asked {
		f = c.ask(p.src)
	}
	ok := c.carry(f)
	if !ok && len(p.alt) > 0 && c.fault == nil {
		ok = c.carry(c.ask(p.alt))
	}
	c.x.visit.CountInclude(ok)
	if ok || p.goOn || c.fault != nil {
		return
	}
	if t := c.attempt(); t != nil {
		t.failed = true
	} else if c.limits.OnError == "fail" {
		c.fault = &message.Fault{Side: message.SideOrigin, Cause: "include-failed"}
	}
}

// carry moves a fragment to where it belongs. False means that there is none.
// One that breaks off after its begin was sent cannot be taken back: it counts as
// there, unless the operator wants errors to show.
func (c *composer) carry(f *fragment) bool {
	if f == nil {
		return false
	}
	defer f.giveUp()
	if !f.begun() {
		c.flush() // what is gathered does not wait with us
	}
	if !f.await() {
		return false
	}
	from, done, err := c.x.fragmentPage(f)
	if err != nil {
		return false
	}
	defer done()
	for c.fault == nil {
		if !from.ready() && c.attempt() == nil {
			c.flush()
		}
		piece, err := from.next()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return c.broke()
		}
		c.put(piece)
	}
	return true
}

// broke decides about a fragment that broke off.
func (c *composer) broke() bool {
	c.x.srv.causes.Add("include-broken")
	if t := c.attempt(); t != nil {
		t.failed = true
	} else if c.limits.OnError == "fail" {
		c.fault = &message.Fault{Side: message.SideOrigin, Cause: "include-broken"}
	}
	return true
}

// giveUp ends what is still fetched, and lets go of the coder when the page broke
// off.
func (c *composer) giveUp() {
	if c.coder != nil {
		c.coder.Abort()
	}
	for i := range c.queue {
		if f := c.queue[i].fetch; f != nil {
			f.giveUp()
		}
	}
}

func faultOf(err error) *message.Fault {
	if f, ok := err.(*message.Fault); ok {
		return f
	}
	return &message.Fault{Side: message.SideOrigin, Cause: "body-broken", Err: err}
}

// fragmentPage returns a fragment's body, decoded when it is coded.
func (x *exchange) fragmentPage(f *fragment) (p page, done func(), err error) {
	if f.coding == cache.Plain {
		return f, func() {}, nil
	}
	d, err := x.visit.Codecs().Reader(f.coding, &pageReader{page: f}, decodedPageMost)
	if err != nil {
		return nil, nil, err
	}
	return &codedPage{from: d, buf: make([]byte, codedPagePiece)}, d.Close, nil
}

var _ sink = (*fragment)(nil)
var _ page = (*fragment)(nil)
