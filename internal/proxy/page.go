package proxy

import (
	"io"

	"fishplate/internal/cache"
	"fishplate/internal/http1"
	"fishplate/internal/message"
)

// A page is the body of an answer as the composer reads it.
type page interface {
	// ready reports whether next will not wait.
	ready() bool
	// next returns the bytes that follow, valid until the next call; io.EOF at
	// the end. Another error is a *message.Fault.
	next() ([]byte, error)
}

// pageOf returns the body of the exchange's answer, decoded when it is coded.
// done gives back what that took.
func (x *exchange) pageOf(coding cache.Coding) (p page, done func(), err error) {
	if x.source == fromStore {
		p = &storedPage{x: x}
	} else {
		p = &originPage{x: x, in: x.origin.Body(x.resp.Framing, x.resp.Length)}
	}
	if coding == cache.Plain {
		return p, func() {}, nil
	}
	d, err := x.visit.Codecs().Reader(coding, &pageReader{page: p}, decodedPageMost)
	if err != nil {
		return nil, nil, err
	}
	return &codedPage{from: d, buf: make([]byte, codedPagePiece)}, d.Close, nil
}

const (
	decodedPageMost = 64 << 20 // of a coded page or fragment, in bytes
	codedPagePiece  = 16 << 10
)

// storedPage is an object, which may still grow.
type storedPage struct {
	x  *exchange
	at int64
}

func (p *storedPage) ready() bool {
	r := &p.x.visit.Reader
	return r.Landed() || len(r.Next(p.at)) > 0
}

func (p *storedPage) next() ([]byte, error) {
	r := &p.x.visit.Reader
	r.Took(p.at)
	for {
		if piece := r.Next(p.at); len(piece) > 0 {
			p.at += int64(len(piece))
			return piece, nil
		}
		more, whole := r.Await(p.at, p.x.context().Done())
		if whole && !more {
			return nil, io.EOF
		}
		if !more {
			return nil, &message.Fault{Side: message.SideOrigin, Cause: "body-broken"}
		}
	}
}

// originPage is the body on the leased connection.
type originPage struct {
	x  *exchange
	in *http1.Body
}

func (p *originPage) ready() bool { return p.in.Done() || p.x.origin.Buffered() > len("\r\n") }

func (p *originPage) next() ([]byte, error) {
	x := p.x
	for !p.in.Done() {
		x.s.watch.arm(x.up.Raw, nil, x.srv.wheel.now()+x.idleLimit())
		piece, err := p.in.Next()
		fired := x.s.watch.disarm()
		if err != nil && !isEnd(err) {
			c := carrier{x: x, begun: true}
			return nil, c.fail(err, fired)
		}
		if len(piece) > 0 {
			return piece, nil
		}
	}
	return nil, io.EOF
}

// pageReader makes a reader of a page, for a decoder.
type pageReader struct {
	page page
	rest []byte
}

// Read implements io.Reader.
func (r *pageReader) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		piece, err := r.page.next()
		if err != nil {
			return 0, err
		}
		r.rest = piece
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// codedPage is a page that is decoded on the way.
type codedPage struct {
	from *cache.Decoder
	buf  []byte
}

func (p *codedPage) ready() bool { return false }

func (p *codedPage) next() ([]byte, error) {
	for {
		n, err := p.from.Read(p.buf)
		if n > 0 {
			return p.buf[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
}
