package reel

import (
	"encoding/binary"
	"net/netip"

	"fishplate/internal/message"
)

// Request appends a text that is a request; nil is an empty one.
func (w *Writer) Request(r *message.Request) {
	w.Open()
	defer w.Close()
	if r == nil {
		return
	}
	var flags uint64
	for i, b := range [...]bool{r.HasQuery, r.Close, r.Expect100, r.Upgrade != nil, r.Scheme == "https", r.Conn != nil} {
		if b {
			flags |= 1 << i
		}
	}
	for _, n := range [...]uint64{flags, uint64(r.Port), uint64(r.Minor), uint64(r.Framing), uint64(r.Length)} {
		w.B = binary.AppendUvarint(w.B, n)
	}
	w.part(r.Method)
	w.part(r.Target)
	w.part(r.Host)
	w.part(r.Path)
	w.part(r.Query)
	w.part(r.Upgrade)
	var space [64]byte
	w.part(addr(space[:0], r.ClientIP))
	if r.Conn != nil {
		w.B = binary.AppendUvarint(w.B, uint64(len(r.Conn.Listener)))
		w.B = append(w.B, r.Conn.Listener...)
		w.part(addrPort(space[:0], r.Conn.Client))
		w.part(addrPort(space[:0], r.Conn.Local))
	}
	w.fields(&r.Header)
}

func addr(dst []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return dst
	}
	return a.AppendTo(dst)
}

func addrPort(dst []byte, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return dst
	}
	return a.AppendTo(dst)
}

// Response appends a text that is a response; nil is an empty one.
func (w *Writer) Response(r *message.Response) {
	w.Open()
	defer w.Close()
	if r == nil {
		return
	}
	var flags uint64
	for i, b := range [...]bool{r.Close, r.Upgrade != nil} {
		if b {
			flags |= 1 << i
		}
	}
	for _, n := range [...]uint64{flags, uint64(r.Status), uint64(r.Minor), uint64(r.Framing), uint64(r.Length)} {
		w.B = binary.AppendUvarint(w.B, n)
	}
	w.part(r.Reason)
	w.part(r.Upgrade)
	w.fields(&r.Header)
}

func (w *Writer) fields(h *message.Header) {
	w.B = binary.AppendUvarint(w.B, uint64(h.Len()))
	for i := range h.Len() {
		w.part(h.Name(i))
		w.part(h.Value(i))
	}
}

// ReadRequest returns the request that a text is; nil for an empty one.
func ReadRequest(text []byte) (*message.Request, error) {
	if len(text) == 0 {
		return nil, nil
	}
	r := reader{b: text}
	q := &message.Request{Scheme: "http"}
	flags := r.number()
	q.Port, q.Minor, q.Framing, q.Length = int(uint16(r.number())), uint8(r.number()), message.Framing(r.number()), int64(r.number())
	q.HasQuery, q.Close, q.Expect100 = flags&1 != 0, flags&2 != 0, flags&4 != 0
	if flags&16 != 0 {
		q.Scheme = "https"
	}
	q.Method, q.Target, q.Host, q.Path, q.Query = r.part(), r.part(), r.part(), r.part(), r.part()
	if q.Upgrade = r.part(); flags&8 == 0 {
		q.Upgrade = nil
	}
	q.ClientIP, _ = netip.ParseAddr(string(r.part())) // what is none is none
	if flags&32 != 0 {
		q.Conn = &message.Conn{Listener: string(r.part())}
		q.Conn.Client, _ = netip.ParseAddrPort(string(r.part()))
		q.Conn.Local, _ = netip.ParseAddrPort(string(r.part()))
	}
	r.fields(&q.Header)
	if r.bad {
		return nil, errDamaged
	}
	return q, nil
}

// ReadResponse returns the response that a text is; an empty one for an empty one.
func ReadResponse(text []byte) (*message.Response, error) {
	q := &message.Response{}
	if len(text) == 0 {
		return q, nil
	}
	r := reader{b: text}
	flags := r.number()
	q.Status, q.Minor, q.Framing, q.Length = int(int16(r.number())), uint8(r.number()), message.Framing(r.number()), int64(r.number())
	q.Close = flags&1 != 0
	q.Reason = r.part()
	if q.Upgrade = r.part(); flags&2 == 0 {
		q.Upgrade = nil
	}
	r.fields(&q.Header)
	if r.bad {
		return nil, errDamaged
	}
	return q, nil
}

func (r *reader) fields(h *message.Header) {
	for n := r.number(); n > 0 && !r.bad; n-- {
		name, value := r.part(), r.part()
		if !r.bad {
			h.AddBytes(name, value)
		}
	}
}
