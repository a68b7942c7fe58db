package proxy

import (
	"os"

	"fishplate/internal/cache"
	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/netio"
)

// replyStored sends an object, or what a condition or a range makes of it.
func (x *exchange) replyStored() *message.Fault {
	if x.visit.Composed {
		return x.compose()
	}
	x.settleBody()
	framing, length := x.framing()
	out := x.appendHead(x.buffer(&x.out), framing, length)
	x.rec.Status = x.resp.Status
	cut := &x.visit.Cut
	if x.bodyless() || !cache.Sends(cut) {
		x.last()
		if err := x.flush(out); err != nil {
			return clientGone(err)
		}
		return nil
	}
	// The sender lies in the exchange: here it would be an allocation.
	s := &x.sender
	s.x, s.r, s.out, s.chunked, s.begun = x, &x.visit.Reader, out, framing == message.Chunked, false
	var f *message.Fault
	if len(cut.Ranges) == 0 {
		f = x.sendRange(s, 0, -1)
	}
	for i, r := range cut.Ranges {
		s.out = cut.AppendPartHead(s.out, i)
		if f = x.sendRange(s, r.First, r.Last+1); f != nil {
			break
		}
	}
	if f != nil {
		x.req.Close = true
		return f
	}
	s.out = cut.AppendTail(s.out)
	if s.chunked {
		s.out = append(s.out, "0\r\n\r\n"...)
	}
	x.last()
	if err := x.flush(s.out); err != nil {
		return clientGone(err)
	}
	return nil
}

// A sender writes runs of an object's bytes to the client. Small ones are
// gathered behind the head; large ones go out from the store's own memory.
type sender struct {
	x       *exchange
	r       *cache.Reader
	out     []byte // not yet written
	chunked bool
	begun   bool
	vector  [8][]byte // of gather
}

const (
	// gatherMost is the largest piece that is copied rather than handed to writev.
	gatherMost = 4 << 10
	// vectorMost is how much one writev takes: a slow client has the time of
	// one write for it.
	vectorMost = 128 << 10
)

// send writes the bytes from at up to end, or to the object's end when that is
// below zero, as they come.
func (s *sender) send(at, end int64) *message.Fault {
	x := s.x
	if file, offset := x.visit.File(); file != nil {
		if end < 0 {
			end = x.visit.Total()
		}
		return s.sendFile(file, offset+at, end-at)
	}
	for end < 0 || at < end {
		piece := s.r.Next(at)
		if len(piece) == 0 {
			// Nothing is held back from the client while we wait.
			if !s.r.Landed() && len(s.out) > 0 {
				if err := s.flush(nil); err != nil {
					return clientGone(err)
				}
			}
			more, whole := s.r.Await(at, x.context().Done())
			if whole && end < 0 {
				return nil
			}
			if !more {
				f := &message.Fault{Side: message.SideOrigin, Cause: "body-broken"}
				if !s.begun {
					f.Status = 502
				}
				return f
			}
			continue
		}
		if end >= 0 && int64(len(piece)) > end-at {
			piece = piece[:end-at]
		}
		var err error
		if len(piece) > gatherMost && s.gathers() {
			at, err = s.gather(piece, at, end)
		} else if err = s.write(piece); err == nil {
			at += int64(len(piece))
		}
		if err != nil {
			return clientGone(err)
		}
		s.r.Took(at)
	}
	return nil
}

// gathers reports whether pieces may wait for each other: the object is all
// there, and they go to the socket as they are.
func (s *sender) gathers() bool {
	return !s.chunked && s.r.Landed() && s.x.s.tls == nil && s.x.s.net != nil
}

// gather writes what is not yet written, the piece at an offset, and pieces that
// follow it, by one system call. It returns the offset behind them.
func (s *sender) gather(piece []byte, at, end int64) (int64, error) {
	x, n, total := s.x, 1, 0
	s.vector[0] = s.out
	for len(piece) > 0 && n < len(s.vector) && total < vectorMost {
		s.vector[n] = piece
		n, total, at = n+1, total+len(piece), at+int64(len(piece))
		if end >= 0 && at >= end {
			break
		}
		if piece = s.r.Next(at); end >= 0 && int64(len(piece)) > end-at {
			piece = piece[:end-at]
		}
	}
	x.rec.BytesOut += int64(len(s.out) + total)
	s.out, s.begun = s.out[:0], true
	x.armWrite()
	_, err := x.s.net.Writev(s.vector[:n]...)
	x.s.watch.disarm()
	return at, err
}

// Write implements io.Writer for what codes a body on its way.
func (s *sender) Write(piece []byte) (int, error) {
	if len(piece) == 0 {
		return 0, nil
	}
	if err := s.write(piece); err != nil {
		return 0, err
	}
	return len(piece), nil
}

// sendFile lets the kernel send n bytes of a file. A client may stand still for
// timeouts.write.
func (s *sender) sendFile(file *os.File, offset, n int64) *message.Fault {
	x := s.x
	if err := s.flush(nil); err != nil {
		return clientGone(err)
	}
	size := pace(spliceFirst)
	for n > 0 {
		begin := x.srv.wheel.now()
		x.armWrite()
		sent, err := netio.SendFile(x.s.plain, file, offset, min(n, int64(size)))
		fired := x.s.watch.disarm()
		offset += sent
		n -= sent
		x.rec.BytesOut += sent
		x.countSpliced(sent)
		if err != nil && !(fired && sent > 0) {
			return clientGone(err)
		}
		size.adapt(x.srv.wheel.now() - begin)
	}
	return nil
}

func (s *sender) write(piece []byte) error {
	const overhead = 32 // of a chunk
	if len(piece) <= gatherMost && len(s.out)+len(piece)+overhead <= cap(s.out) {
		if s.chunked {
			s.out = http1.AppendChunk(s.out, piece)
		} else {
			s.out = append(s.out, piece...)
		}
		return nil
	}
	if s.chunked {
		s.out = http1.AppendChunkSize(s.out, len(piece))
		if err := s.flush(piece); err != nil {
			return err
		}
		s.out = append(s.out, "\r\n"...)
		return nil
	}
	return s.flush(piece)
}

// flush writes what is gathered, and a piece behind it.
func (s *sender) flush(piece []byte) error {
	head := s.out
	s.out, s.begun = s.out[:0], true
	if len(piece) == 0 {
		return s.x.flush(head)
	}
	return s.x.send(head, piece)
}
