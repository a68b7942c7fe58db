package cache

import (
	"errors"
	"io"
	"runtime"
	"sync"
	"time"

	"fishplate/internal/cache/encode"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
	"fishplate/internal/model"
)

// codingOf compiles the encode block of a policy.
func codingOf(m *model.CacheEncode) *encode.Policy {
	if m == nil {
		return nil
	}
	p := &encode.Policy{Types: m.Types, Min: m.Min}
	for _, name := range m.Codings {
		if c := encode.ParseCoding(name); c != encode.Identity && c != encode.Other {
			p.Codings = append(p.Codings, c)
		}
	}
	return p
}

// coders make variants: each on a goroutine of its own unless the object is small.
type coders struct {
	codecs *encode.Codecs // for what is kept
	quick  *encode.Codecs // for what is coded for one client
	slots  chan struct{}  // one for each that works
	tasks  sync.WaitGroup
	done   chan struct{} // closed at the end
}

// codedAtOnce bounds, for each processor, how many variants are being made. An
// object for which there is no room is served as it is.
const codedAtOnce = 8

// inlineMost is the largest object, in bytes, that is coded by the exchange that
// wants it: about a millisecond of work.
const inlineMost = 64 << 10

func newCoders() *coders {
	return &coders{
		codecs: encode.New(encode.Options{}),
		quick: encode.New(encode.Options{
			Levels: encode.Levels{Gzip: 2, Brotli: 2, Zstd: 1}, Window: 128 << 10,
		}),
		done:  make(chan struct{}),
		slots: make(chan struct{}, codedAtOnce*runtime.GOMAXPROCS(0)),
	}
}

func (c *coders) close() {
	close(c.done)
	c.tasks.Wait()
}

// A mark picks the variant of one base: that which was made of the body that
// came at this instant.
type mark int64

// Match implements store.Matcher.
func (m *mark) Match(o *store.Object) bool { return o.Meta().Stored == int64(*m) }

// choose puts a variant of the object in its place when the client wants, or
// needs, another coding of it. resp is the object's head, which becomes the
// variant's. The object stays what decisions are about.
func (v *Visit) choose(resp *message.Response) {
	p := v.policy
	if p.encode == nil || v.Object.Meta().Flags&flagPartial != 0 {
		return
	}
	base := encode.CodingOf(&resp.Header)
	accept := encode.ParseAccept(&v.req.Header)
	want := encode.Identity
	switch base {
	case encode.Other:
		return
	case encode.Identity:
		length := resp.Length
		if resp.Framing == message.Chunked {
			length = -1
		}
		if p.encode.Judge(resp, length) != encode.Worth {
			return
		}
		want, _ = accept.Choose(p.encode.Codings)
	default:
		if accept.Takes(base) || encode.NoTransformed(&resp.Header) || !accept.Takes(encode.Identity) {
			want = base
		}
	}
	encode.AddVary(&resp.Header)
	if want == base {
		return
	}
	if o := v.variantIn(want, base); o != nil {
		m := o.Meta()
		v.variant = o
		v.value = encode.Describe(resp, want, lengthOf(o, &m), m.Flags&flagFlushed == 0, v.value)
	}
}

// variantIn returns the object's variant in a coding, pinned, with v.Reader at
// its begin; nil when it cannot be had.
func (v *Visit) variantIn(want, base encode.Coding) *store.Object {
	s := v.policy.store
	v.mark = mark(v.Object.Meta().Stored)
	v.coded = encode.DeriveKey(v.coded[:0], v.Object.KeyText(), want)
	key := store.KeyOf(v.policy.part.ID(), v.coded)
	if o := v.findVariant(key); o != nil {
		return o
	}
	f, lead := s.flights.join(key)
	if lead {
		return v.makeVariant(f, key, want, base)
	}
	state, o := f.await(carryWait, s.caches.coders.done)
	if o == nil {
		if state == landed {
			return v.findVariant(key)
		}
		return nil
	}
	if !v.mark.Match(o) {
		o.Unpin()
		return nil
	}
	v.Reader.close()
	if !f.read(&v.Reader, o) {
		o.Unpin()
		v.Reader.object, v.Reader.flight = v.Object, nil
		return nil
	}
	return o
}

// carryWait bounds the wait for the leader of a variant's flight, which carries
// the object at once.
const carryWait = time.Second

// findVariant looks a complete variant up.
func (v *Visit) findVariant(key store.Key) *store.Object {
	o := v.policy.store.memory.Lookup(v.policy.part, key, v.coded, &v.mark)
	if o != nil {
		v.Reader.close()
		v.Reader.object, v.Reader.flight = o, nil
	}
	return o
}

// makeVariant has the variant made, as leader of its flight.
func (v *Visit) makeVariant(f *Flight, key store.Key, want, base encode.Coding) *store.Object {
	p, c := v.policy, v.policy.store.caches.coders
	select {
	case c.slots <- struct{}{}:
	default:
		f.settle(failed)
		return nil
	}
	m := v.Object.Meta()
	total := m.Total
	m.Encoding, m.Flags, m.Total, m.First = uint8(want), m.Flags|flagVariant, -1, 0
	if base == encode.Identity && !v.Object.Complete() && v.Object.Available() != total {
		m.Flags |= flagFlushed
	}
	o, err := p.store.memory.Begin(p.part, key, &m, &store.Parts{Key: v.coded, Vary: v.Object.Vary()}, -1)
	if err != nil {
		f.settle(failed)
		<-c.slots
		return nil
	}
	e := &coder{coders: c, store: p.store, flight: f, out: o, want: want, base: base}
	e.in.object = v.Object
	if g := v.Reader.flight; g != nil && !g.read(&e.in, v.Object) {
		f.settle(failed)
		o.Unpin()
		<-c.slots
		return nil
	}
	v.Object.Pin()
	o.Pin()
	f.carry(o)
	if v.Object.Complete() && v.Object.Available() <= inlineMost {
		e.run()
		switch {
		case o.Complete():
			v.Reader.close()
			v.Reader.object, v.Reader.flight = o, nil
			return o
		case errors.Is(e.failure, errNoReaders): // there was no room for it
			o.Unpin()
			return nil
		}
		// The base is broken, which the client has to see.
		v.Reader.close()
		f.read(&v.Reader, o)
		return o
	}
	v.Reader.close()
	f.read(&v.Reader, o)
	c.tasks.Go(e.run)
	return o
}

// A coder makes one variant. It has pinned both objects.
type coder struct {
	coders     *coders
	store      *Store
	flight     *Flight
	in         Reader
	at         int64 // in the base
	out        *store.Object
	want, base encode.Coding
	failure    error        // how it ended, for who ran it
	stalled    func() error // before the base is waited for; nil: nothing
}

// run makes the variant and settles its flight.
func (e *coder) run() {
	whole := false
	defer func() {
		if r := recover(); r != nil {
			e.store.caches.logger.Error("panic while coding an object", "cache", e.store.name, "panic", r)
			whole = false
		}
		e.end(whole)
	}()
	e.failure = e.copy()
	whole = e.failure == nil
}

func (e *coder) end(whole bool) {
	e.in.close()
	if whole {
		e.out.Finish()
		if !e.flight.over {
			e.out.SetBan(e.store.bans.Newest())
			e.out.Publish()
		}
		e.flight.settle(landed)
	} else {
		e.out.Abort()
		e.flight.settle(failed)
	}
	e.out.Unpin()
	e.in.object.Unpin()
	<-e.coders.slots
}

// decodedMost bounds what a coded base may turn out to be, in bytes.
const decodedMost = 256 << 20

// copy carries the base through the codec.
func (e *coder) copy() error {
	if e.base != encode.Identity {
		r, err := e.coders.codecs.Reader(e.base, e, decodedMost)
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.Copy(growing{e}, r)
		return err
	}
	w, err := e.coders.codecs.Writer(e.want, growing{e})
	if err != nil {
		return err
	}
	if e.out.Meta().Flags&flagFlushed != 0 {
		e.stalled = w.Flush
	}
	for {
		piece, err := e.next()
		if err == io.EOF {
			return w.Close()
		}
		if err == nil {
			_, err = w.Write(piece)
		}
		if err != nil {
			w.Abort()
			return err
		}
	}
}

// The errors of a coder: nobody is told but the readers, whose object ends early.
var (
	errBaseBroken = errors.New("code object: the base is broken")
	errNoReaders  = errors.New("code object: nobody wants it")
)

// next returns the base's next bytes, io.EOF at its end.
func (e *coder) next() ([]byte, error) {
	for {
		if piece := e.in.Next(e.at); len(piece) > 0 {
			e.at += int64(len(piece))
			e.in.Took(e.at - int64(len(piece))) // they are in use until the next call
			return piece, nil
		}
		e.in.Took(e.at)
		if e.stalled != nil && !e.in.Landed() {
			if err := e.stalled(); err != nil {
				return nil, err
			}
		}
		if !e.in.Landed() && e.flight.deserted() {
			return nil, errNoReaders // others shall have the slot
		}
		more, whole := e.in.Await(e.at, e.coders.done)
		if whole && !more {
			return nil, io.EOF
		}
		if !more {
			return nil, errBaseBroken
		}
	}
}

// Read implements io.Reader over the base.
func (e *coder) Read(p []byte) (int, error) {
	piece, err := e.next()
	n := copy(p, piece)
	e.at -= int64(len(piece) - n)
	return n, err
}

// growing is the variant as what a codec writes to.
type growing struct{ e *coder }

// Write implements io.Writer.
func (g growing) Write(p []byte) (int, error) {
	if !g.e.flight.Append(g.e.out, p) {
		return 0, errNoReaders
	}
	return len(p), nil
}
