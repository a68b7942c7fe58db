package cache

import (
	"bytes"
	"context"
	"math"

	"fishplate/internal/cache/bans"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
	"fishplate/internal/records"
)

// How what the stores have in memory goes from a process to the next one: objects,
// each with its body behind it in pieces; then an end; and purges, before and
// behind a line that says that the old process has let go of its disks.
const (
	passKind    = "objects"
	passVersion = 1
	passPiece   = 256 << 10 // bytes of a body in one record
	passLongest = 1 << 20   // bytes of a record
)

// The kinds of record.
const (
	passObject = iota
	passBody
	passEnd
	passStrike
	passLine
)

// A passed is an object without its body.
type passed struct {
	store, partition string
	key, vary        []byte
	meta             store.Meta
	tags             [][]byte
	head             message.Header
	size             int64
}

// appendObject appends the record of an object of the store, which is pinned.
func (s *Store) appendObject(dst []byte, partition string, o *store.Object) []byte {
	m := o.Meta()
	dst = records.AppendText(records.AppendInt(dst, passObject), s.name)
	dst = records.AppendText(records.AppendText(records.AppendText(dst, partition), o.KeyText()), o.Vary())
	for _, n := range []int64{
		int64(m.Status), int64(m.Encoding), int64(m.Flags), m.Born, m.Stored, m.Fresh, m.Grace, m.Keep, m.StaleIfError, m.First, m.Total, o.Available(),
	} {
		dst = records.AppendInt(dst, n)
	}
	n := int64(0)
	for range o.Tags() {
		n++
	}
	dst = records.AppendInt(dst, n)
	for t := range o.Tags() {
		dst = records.AppendText(dst, t)
	}
	var h message.Header
	o.Head(&h)
	dst = records.AppendInt(dst, int64(h.Len()))
	for i := range h.Len() {
		dst = records.AppendText(records.AppendText(dst, h.Name(i)), h.Value(i))
	}
	return dst
}

// passedOf reads what appendObject wrote. Its texts lie in the record.
func passedOf(f *records.Fields) (p passed, err error) {
	p.store, p.partition, p.key, p.vary = f.Text(), f.Text(), f.Bytes(), f.Bytes()
	status, encoding, flags := f.Int(), f.Int(), f.Int()
	m := &p.meta
	m.Born, m.Stored, m.Fresh, m.Grace, m.Keep, m.StaleIfError, m.First, m.Total = f.Int(), f.Int(), f.Int(), f.Int(), f.Int(), f.Int(), f.Int(), f.Int()
	p.size = f.Int()
	for range f.Count() {
		p.tags = append(p.tags, f.Bytes())
	}
	for range f.Count() {
		name, value := f.Bytes(), f.Bytes()
		if !message.ValidName(name) || !message.ValidValue(value) {
			return p, records.ErrFormat
		}
		p.head.AddBytes(name, value)
	}
	if err := f.End(); err != nil {
		return p, err
	}
	if status < 0 || status > 999 || encoding < 0 || encoding > math.MaxUint8 || flags < 0 || flags > math.MaxUint32 || p.size < 0 ||
		m.Grace < 0 || m.Keep < 0 || m.StaleIfError < 0 || m.First < 0 || m.Total < -1 || len(p.key) == 0 || p.partition == "" {
		return p, records.ErrFormat
	}
	m.Status, m.Encoding, m.Flags = uint16(status), uint8(encoding), uint32(flags)
	return p, nil
}

// What a strike strikes.
const (
	strikeTag = iota
	strikePrefix
	strikeHost
	strikeURL
	strikeKey
	strikeBan
)

// A blow is a strike as it is told to another process.
type blow struct {
	store, partition string // partition "" is all
	kind             int64
	text             []byte
	soft             bool
	now              int64
}

func (b *blow) append(dst []byte) []byte {
	dst = records.AppendText(records.AppendText(records.AppendInt(dst, passStrike), b.store), b.partition)
	soft := int64(0)
	if b.soft {
		soft = 1
	}
	return records.AppendText(records.AppendInt(records.AppendInt(records.AppendInt(dst, b.kind), soft), b.now), b.text)
}

func blowOf(f *records.Fields) (b blow, err error) {
	b = blow{store: f.Text(), partition: f.Text(), kind: f.Int(), soft: f.Int() == 1, now: f.Int(), text: bytes.Clone(f.Bytes())}
	if err = f.End(); err == nil && (b.kind < strikeTag || b.kind > strikeBan) {
		err = records.ErrFormat
	}
	return b, err
}

// blow returns the strike as it is told.
func (k *strike) blow(kind int64, text []byte) *blow {
	b := &blow{store: k.s.name, kind: kind, text: text, soft: k.soft, now: k.now}
	if k.only != nil {
		b.partition = k.only.Name()
	}
	return b
}

// land does what was struck in another process. A disk that fails turns itself
// off; a ban that this process does not understand is an error.
func (c *Caches) land(b *blow) error {
	c.mu.Lock()
	s := c.stores[b.store]
	c.mu.Unlock()
	if s == nil {
		return nil
	}
	k := strike{s: s, soft: b.soft, now: b.now}
	if b.partition != "" {
		k.only = s.memory.Partition(b.partition)
	}
	switch b.kind {
	case strikeTag:
		_, _ = k.tag(context.Background(), b.text)
	case strikePrefix:
		_, _ = k.prefix(context.Background(), b.text)
	case strikeHost:
		_, _ = k.host(context.Background(), b.text)
	case strikeURL:
		if k.only != nil {
			_, _ = k.url(context.Background(), b.text)
		}
	case strikeKey:
		if k.only != nil {
			_, _ = k.key(context.Background(), b.text)
		}
	case strikeBan:
		e, err := bans.Compile(string(b.text))
		if err != nil {
			return err
		}
		return k.ban(e, b.partition)
	}
	return nil
}
