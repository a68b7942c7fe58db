package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"fishplate/internal/cache/store"
	"fishplate/internal/records"
)

// An Heir takes over what a Relay of another process hands to this one. It starts
// one goroutine in Follow, and ends it in Close.
type Heir struct {
	c      *Caches
	in     *os.File
	out    *os.File
	r      *records.Reader
	taken  Handed
	n      uint64 // strikes and lines so far
	begun  chan struct{}
	begin  sync.Once
	closed chan struct{}
	close  sync.Once
	tasks  sync.WaitGroup
}

// Inherit begins to take over. It owns both files; without files there is nothing,
// and nothing to be done.
func (c *Caches) Inherit(in, out *os.File) *Heir {
	return &Heir{c: c, in: in, out: out, begun: make(chan struct{}), closed: make(chan struct{})}
}

// Objects takes the objects, until the deadline. After an error nothing of what
// was taken is left, and the Heir is closed.
func (h *Heir) Objects(deadline time.Time) (Handed, error) {
	err := h.in.SetReadDeadline(deadline)
	if err == nil {
		h.r, err = records.NewReader(h.in, passKind, passVersion, passLongest)
	}
	if err == nil {
		err = h.objects()
	}
	if err != nil {
		h.Close()
		h.c.Shed()
		return Handed{}, err
	}
	return h.taken, nil
}

func (h *Heir) objects() error {
	written := 0
	for {
		b, err := h.r.Next()
		if err != nil {
			return ended(err)
		}
		f := records.FieldsOf(b)
		switch f.Int() {
		case passObject:
			p, err := passedOf(&f)
			if err != nil {
				return err
			}
			if err := h.object(&p); err != nil {
				return err
			}
			written++
		case passEnd:
			if n := f.Int(); f.End() != nil || n != int64(written) {
				return fmt.Errorf("%w: %d objects came of %d", records.ErrFormat, written, n)
			}
			return nil
		default:
			return records.ErrFormat
		}
	}
}

// ended makes an end at the wrong place an error.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// object stores an object, if there is room, and reads its body in any case.
func (h *Heir) object(p *passed) error {
	h.c.mu.Lock()
	s := h.c.stores[p.store]
	h.c.mu.Unlock()
	var o *store.Object
	if s != nil {
		part := s.memory.Partition(p.partition)
		made, err := s.memory.Begin(part, store.KeyOf(part.ID(), p.key), &p.meta, &store.Parts{Key: p.key, Vary: p.vary, Head: &p.head, Tags: p.tags}, p.size)
		if err == nil {
			o = made
			defer o.Unpin()
		}
	}
	for left := p.size; left > 0; {
		b, err := h.r.Next()
		if err != nil {
			return ended(err)
		}
		f := records.FieldsOf(b)
		if f.Int() != passBody {
			return records.ErrFormat
		}
		piece := f.Rest()
		if left -= int64(len(piece)); len(piece) == 0 || left < 0 {
			return records.ErrFormat
		}
		if o != nil {
			if _, err := o.Append(piece); err != nil {
				o.Abort()
				o = nil
			}
		}
	}
	if o == nil {
		h.taken.Left++
		return nil
	}
	o.Finish()
	o.SetBan(s.bans.Newest())
	o.Publish()
	h.taken.Objects++
	h.taken.Bytes += o.Size()
	return nil
}

// Follow does what is struck in the other process, for as long as that lives: what
// was struck before it let go of its disks at once, and the rest when Begin was
// called. When it cannot be understood, nothing of what is in memory is served any
// more.
func (h *Heir) Follow() {
	_ = h.in.SetReadDeadline(time.Time{}) // Next tells what this would
	h.tasks.Go(func() {
		err := h.follow()
		_, _ = h.in.Close(), h.out.Close() // the other process sees that nobody follows
		select {
		case <-h.closed:
			return
		default:
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, os.ErrClosed) {
			h.c.logger.Warn("what the process before purges is not understood: the memory of caches is emptied", "problem", err)
			h.c.Shed()
		}
	})
}

func (h *Heir) follow() error {
	for {
		b, err := h.r.Next()
		if err != nil {
			return ended(err)
		}
		f := records.FieldsOf(b)
		h.n++
		line := false
		switch f.Int() {
		case passStrike:
			b, err := blowOf(&f)
			if err == nil {
				err = h.c.land(&b)
			}
			if err != nil {
				return err
			}
		case passLine:
			line = true
		default:
			return records.ErrFormat
		}
		if _, err := h.out.Write(binary.BigEndian.AppendUint64(nil, h.n)); err != nil {
			return io.ErrUnexpectedEOF // nobody is there who would purge
		}
		if line {
			select {
			case <-h.begun:
			case <-h.closed:
				return os.ErrClosed
			}
		}
	}
}

// Begin says that the disks are open: what was struck meanwhile is done.
func (h *Heir) Begin() { h.begin.Do(func() { close(h.begun) }) }

// Renounce empties the memory: what the other process has purged is not known.
func (h *Heir) Renounce() {
	h.Close()
	h.c.Shed()
}

// Close ends it. What was taken stays.
func (h *Heir) Close() {
	h.close.Do(func() { close(h.closed) })
	_, _ = h.in.Close(), h.out.Close() // of no file at all it says so
	h.tasks.Wait()
}
